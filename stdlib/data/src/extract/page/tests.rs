//! Trees as the standard builds them, lines, formulas, and bounds.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::tag::Tag;
use super::tree::{BODY, Tree};
use super::*;

const WANTED: Wanted = Wanted { caution: 1.0, tables: true, comments: false, format: Format::Plain };

/// A body as `p(text b(text))`.
fn shape(html: &str) -> String {
    fn walk(tree: &Tree<'_>, at: u32, shape: &mut String) {
        let white = |at: &u32| tree.node(*at).tag == Tag::Text && tree.text(*at).trim().is_empty();
        for child in tree.children(at).filter(|child| !white(child)) {
            if !shape.is_empty() && !shape.ends_with('(') {
                shape.push(' ');
            }
            match tree.node(child).tag {
                Tag::Text => shape.push_str(tree.text(child).trim()),
                tag => {
                    let _ =
                        write!(shape, "{}(", format!("{tag:?}").to_lowercase().replace("choice", "option"));
                    walk(tree, child, shape);
                    shape.push(')');
                }
            }
        }
    }
    let tree = parse::parse(html).expect("within the bounds");
    let mut shape = String::new();
    walk(&tree, BODY, &mut shape);
    shape
}

#[test]
fn trees_are_those_of_the_standard() {
    for (html, expected) in [
        ("<p>a<p>b<div>c</div>d", "p(a) p(b) div(c) d"),
        ("<p>a<b>b</p>c", "p(a b(b)) c"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "ul(li(a) li(b ul(li(c))) li(d)) e"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "dl(dt(a) dd(b) dt(c))"),
        ("<h2>a</h3>b<h3>c<h4>d", "h2(a) b h3(c) h4(d)"),
        ("<table><tr><td>a<td>b<tr><th>c</table>d", "table(tr(td(a) td(b)) tr(th(c))) d"),
        ("<table><td>a<tbody><tr><td>b</table>", "table(tr(td(a)) tbody(tr(td(b))))"),
        ("<table>a<tr><td>b</td>c</tr><p>d</table>", "a c p(d) table(tr(td(b)))"),
        ("<table><tr><td><table><tr><td>a</table>b</table>", "table(tr(td(table(tr(td(a))) b)))"),
        ("<a href=x>a<a href=y>b</a>c", "a(a) a(b) c"),
        ("<div><span>a</div>b</span>c", "div(span(a)) b c"),
        ("<p>a</div>b</p>", "p(a b)"),
        ("<b><div>a</b>b</div>c", "b(div(a b)) c"),
        ("<button>a<button>b", "button(a) button(b)"),
        ("<select><option>a<option>b<input>c", "select(option(a) option(b)) input() c"),
        ("<ruby>a<rt>b<rt>c<rp>)</ruby>d", "ruby(a rt(b) rt(c) rp())) d"),
        ("<svg><title>a</title><p>b", "svg(title(a)) p(b)"),
        ("<math><mi>x</mi><mo>=</mo></math>y", "math(mi(x) mo(=)) y"),
        ("a<!-- <p> --><!-->b<!---->c<!-- d --!>e", "a b c e"),
        ("<script>'</p>'<!-- </script>a<style><p></style>b", "a b"),
        ("a < b <3 </> <?php x ?> c</", "a < b < 3 c </"),
        ("<p title='>'>a<br/>b</br>c", "p(a br() b br() c)"),
        ("<x-a>a<x-b>b</x-a>c", "other(a other(b)) c"),
        ("<textarea><p></textarea>a<plaintext><p>", "a plaintext(<p>)"),
        ("<form>a<form>b</form>c", "form(a b) c"),
        ("<html><head><title>t</title><p>a</head>b", "p(a b)"),
        ("<body><p>a</body>b</html>c", "p(a b c)"),
    ] {
        assert_eq!(shape(html), expected, "{html}");
    }
}

fn text_as(html: &str, format: Format) -> String {
    let body = format!("<!DOCTYPE html><title>t</title><body><article>{html}</article>");
    extract(&body, None, Wanted { format, ..WANTED }).expect("within the bounds").text
}

#[test]
fn blocks_become_lines() {
    for (html, text) in [
        ("<p>One <b>bold</b>, two.</p>\n <p>Three\n four</p>", "One bold, two.\nThree four"),
        ("<h2>Head</h2>text<br>next", "Head\ntext\nnext"),
        ("<ul><li>a</li><li><p>b <i>c</i></p></li><li> </li></ul>end", "- a\n- b c\nend"),
        ("<ul><li>a<ul><li>b</ul>c</ul>", "- a\n- b\nc"),
        ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>", "a | b\nc"),
        ("<table><tr><td>a<td><td>c</table>", "a |  | c"),
        ("<pre>\nlet x = 1;\n\n  let y;  \n</pre><p>z</p>", "let x = 1;\n\n  let y;\nz"),
        ("<pre><code><span>if</span> a:<br>    b</code></pre>", "if a:\n    b"),
        ("a<span> </span>b<span>c</span>", "a bc"),
        ("so&shy;ft &amp; &#8211;", "soft & –"),
        ("", ""),
    ] {
        assert_eq!(text_as(html, Format::Plain), text, "{html}");
    }
}

#[test]
fn markdown_has_its_marks() {
    for (html, text) in [
        (
            "<h2>Head</h2><p>One <b>bold</b> <em>word</em> and <code>x = 1</code>.<p>Two.",
            "## Head\n\nOne **bold** *word* and `x = 1`.\n\nTwo.",
        ),
        ("<ul><li>a<li>b<ol start=3><li>c<li>d</ol></ul>", "- a\n- b\n  3. c\n  4. d"),
        ("<blockquote><p>said</p></blockquote>", "> said"),
        (
            "<pre class=language-rust><code>fn x() {\n    y\n}</code></pre>",
            "```rust\nfn x() {\n    y\n}\n```",
        ),
        (
            "<table><tr><th>a</th><th>b|c</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "| a | b\\|c |\n| --- | --- |\n| 1 | 2 |",
        ),
    ] {
        assert_eq!(text_as(html, Format::Markdown), text, "{html}");
    }
}

#[test]
fn formulas_are_their_source() {
    for (html, text) in [
        ("Let <math alttext='x^2'><msup><mi>x</mi><mn>2</mn></msup></math> be.", "Let $x^2$ be."),
        (
            "<span class=katex><span class=katex-mathml><math><semantics><mi>a</mi><annotation encoding='application/x-tex'>\\alpha</annotation></semantics></math></span><span class=katex-html aria-hidden=true>α</span></span>",
            "$\\alpha$",
        ),
        ("<span class=MathJax_Preview>x</span><script type='math/tex'>x_1</script> holds", "$x_1$ holds"),
        (
            "<math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac><mo>=</mo><msqrt><mi>c</mi></msqrt></math>",
            "(a + b)/2 = √(c)",
        ),
    ] {
        assert_eq!(text_as(html, Format::Plain), text, "{html}");
    }
}

#[test]
fn a_page_says_what_it_is() {
    let html = "<html lang=de><head><title>Der Turm - Zeitung</title><meta property=og:site_name content=Zeitung>\
        <script type='application/ld+json'>{\"@graph\":[{\"@type\":\"NewsArticle\",\"datePublished\":\"2024-05-01\",\"author\":[{\"name\":\"Ann Lee\"}]}]}</script></head><body><p>x";
    let about = extract(html, Some("https://a.example/news/1"), WANTED).expect("within the bounds").about;
    let found = [about.title, about.author, about.date, about.language, about.site];
    assert_eq!(found, ["Der Turm", "Ann Lee", "2024-05-01", "de", "Zeitung"]);
}

#[test]
fn hostile_pages_end_soon() {
    let megabytes = 4 << 20;
    let repeated = |part: &str| part.repeat(megabytes / part.len());
    for (what, html) in [
        ("deep", repeated("<div>")),
        ("deep inline", repeated("<b>")),
        ("deep lists", repeated("<ul><li>")),
        ("deep tables", repeated("<table><tr><td>")),
        ("misplaced in tables", format!("<table>{}", repeated("<b>x"))),
        ("ends of nothing", format!("{}{}", "<span>".repeat(200), repeated("</p></li></b>"))),
        ("paragraphs", repeated("<p>a")),
        ("links", repeated("<a>a")),
        ("open comments", repeated("<!--")),
        ("open scripts", repeated("<script>")),
        ("open tags", repeated("<a b='")),
        ("references", repeated("&amp")),
        ("half references", repeated("&CounterClockwiseContourIntegra")),
        ("one tag", format!("<a {}>", repeated("b=c "))),
        ("less", repeated("<")),
        ("comments' dashes", format!("<!--{}", repeated("--!-"))),
        ("svg", repeated("<svg><a>")),
        ("text", repeated("word, ")),
        ("classes", format!("<div class='{}'>a", repeated("comment "))),
        ("json", format!("<script type='application/ld+json'>{}", repeated("[{\"@graph\":"))),
    ] {
        let started = Instant::now();
        let _ = std::hint::black_box(extract(&html, Some("https://a.example/"), WANTED).is_ok());
        assert!(started.elapsed() < Duration::from_secs(10), "{what} took {:?}", started.elapsed());
    }
}

#[test]
fn chinese_is_counted_and_navigation_stays_out() {
    let line = "港口尽头的灯塔由一位当地的工程师建造，灯塔看守人每天在日记里写下海面的情况。";
    let paragraphs: String = (0..12).map(|number| format!("<p>{line}第{number}天，海面平静。</p>")).collect();
    let menu: String = (0..9).map(|number| format!("<li><a href=/{number}>栏目{number}</a></li>")).collect();
    let html = format!(
        "<html lang=zh><body><div class=menu><ul>{menu}</ul></div><div class=content><h1>灯塔</h1>{paragraphs}</div>\
         <div class=footer>版权所有 某某公司 京ICP备</div></body></html>"
    );
    let text = extract(&html, Some("https://a.example/news/1"), WANTED).expect("within the bounds").text;
    assert!((0..12).all(|number| text.contains(&format!("第{number}天"))), "{text}");
    assert!(!text.contains("栏目") && !text.contains("版权"), "{text}");
    let page = units::units(&parse::parse(&html).expect("within the bounds"));
    let words = page.units.iter().map(|unit| unit.stats.words).max().unwrap_or(0);
    assert!((15..25).contains(&words), "{words}");
}
