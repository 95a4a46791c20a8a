//! Pages as people have them: text behind blocks, markup that is no text, short pages. Every element in every
//! place.

use llmp_data::extract::text::{Favour, Format, Settings, main_text};

fn settings() -> Settings {
    Settings {
        favour: Favour::Balanced,
        format: Format::Plain,
        title: false,
        comments: false,
        tables: true,
        dump: None,
        max_page: 1 << 20,
        time_limit: 60.0,
    }
}

fn text(html: &str) -> String {
    main_text(html.as_bytes(), Some("utf-8"), "https://a.example/light", &settings()).unwrap_or_default()
}

/// A sentence that is long enough to be text, with a mark to be found by.
fn sentence(number: usize) -> String {
    format!(
        "The keeper wrote in his book, line {number}, that the lamp was lit at dusk and burnt until morning, M{number:02}."
    )
}

/// Sentences written with `{}` for each, in what stands for a page.
fn page(container: &str, part: &str, parts: usize) -> (String, usize) {
    let (mut body, mut number) = (String::new(), 0);
    for _ in 0..parts {
        let mut pieces = part.split("{}");
        body.push_str(pieces.next().unwrap_or(""));
        for piece in pieces {
            body.push_str(&sentence(number));
            body.push_str(piece);
            number += 1;
        }
    }
    let (open, close) = match container {
        "article" => ("<article>", "</article>"),
        "content" => ("<div class=content>", "</div>"),
        _ => ("", ""),
    };
    (
        format!(
            "<!DOCTYPE html><html><head><title>Log</title></head><body>{open}{body}{close}</body></html>"
        ),
        number,
    )
}

fn missing(html: &str, sentences: usize) -> Vec<usize> {
    let text = text(html);
    (0..sentences).filter(|number| !text.contains(&format!("M{number:02}"))).collect()
}

/// Loose text behind, before and between every block.
#[rustfmt::skip]
const PARTS: [&str; 46] = [
    "<h2>Part</h2>{}<p>{}</p>",
    "<h2>{}</h2>{}",
    "<p>{}</p>{}",
    "<div>{}</div>{}<p>{}</p>",
    "<ul><li>{}</li></ul>{}",
    "<ol><li>{}</li><li>{}</li></ol>{}<p>{}</p>",
    "<dl><dt>Term</dt><dd>{}</dd></dl>{}<p>{}</p>",
    "<dl><dt>{}</dt><dd>{}<p>{}</p>{}</dd></dl>",
    "<blockquote>{}</blockquote>{}<p>{}</p>",
    "<blockquote>{}<p>{}</p>{}</blockquote>",
    "<pre>{}</pre>{}<p>{}</p>",
    "<table><tr><td>{}</td><td>{}</td></tr></table>{}<p>{}</p>",
    "<table><tr><td>{}<p>{}</p>{}</td></tr></table><p>{}</p>",
    "<table><tr><td>{}<ul><li>{}</li></ul>{}</td></tr></table><p>{}</p>",
    "<hr>{}<p>{}</p>",
    "{}<br>{}<br><br>{}<p>{}</p>",
    "<p>{}<br>{}</p>{}",
    "<figure><img src=a.jpg></figure>{}<p>{}</p>",
    "<section><p>{}</p></section>{}<p>{}</p>",
    "<section>{}<h3>Part</h3>{}</section><p>{}</p>",
    "<details><summary>More</summary>{}<p>{}</p>{}</details><p>{}</p>",
    "<address>Lane</address>{}<p>{}</p>",
    "<center>{}</center><p>{}</p>",
    "<form><input></form>{}<p>{}</p>",
    "<aside>Advertisement</aside>{}<p>{}</p>",
    "<ul><li>{}<ul><li>{}</li></ul>{}</li></ul><p>{}</p>",
    "<ol><li>{}<ul><li>{}<ol><li>{}</li></ol>{}</li></ul>{}</li></ol><p>{}</p>",
    "<ul><li><p>{}</p>{}<p>{}</p></li></ul><p>{}</p>",
    "<ul><li>{}<blockquote>{}</blockquote>{}</li></ul><p>{}</p>",
    "<ul><li>{}<pre>{}</pre>{}</li></ul><p>{}</p>",
    "<ul><li>{}<table><tr><td>{}</td></tr></table>{}</li></ul><p>{}</p>",
    "<ul><li>{}</li><ul><li>{}</li></ul></ul>{}<p>{}</p>",
    "<ul><li>{}</li>{}<li>{}</li></ul><p>{}</p>",
    "<code>x</code> {}<p>{}</p>",
    "<del>old</del> {}<p>{}</p>",
    "<q>said</q> {}<p>{}</p>",
    "<b>Bold</b> {} <i>slanted</i> {}<p>{}</p>",
    "<a href=/x>Link</a> {}<p>{}</p>",
    "<span>{}</span> {}<h3>Part</h3><p>{}</p>",
    "<p>At <time>nine</time> {}</p><p>{}</p>",
    "<p>By <label>name</label> {}</p><p>{}</p>",
    "<p>In <x-name>own</x-name> {}</p><p>{}</p>",
    "<p>In <o:p></o:p>{}<wbr>{}</p><p>{}</p>",
    "<p><svg><path d=x></svg> {} <button>Buy</button> {}</p><p>{}</p>",
    "<a href=/x><h3>Part</h3></a>{}<p>{}</p>",
    "<font><p>{}</p>{}</font><p>{}</p>",
];

#[test]
fn text_beside_blocks_comes_out() {
    let mut lost = Vec::new();
    for container in ["article", "content", "body"] {
        for part in PARTS {
            let (html, sentences) = page(container, part, 6);
            let missing = missing(&html, sentences);
            if !missing.is_empty() {
                lost.push(format!("{container} {part}: {missing:?} of {sentences}"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn every_sentence_comes_once() {
    for part in PARTS {
        let (html, sentences) = page("article", part, 6);
        let text = text(&html);
        for number in 0..sentences {
            assert_eq!(text.matches(&format!("M{number:02}")).count(), 1, "{part}: {number} in {text}");
        }
    }
}

#[test]
fn markup_is_no_text() {
    let long = format!("<p>{}</p><p>{}</p><p>{}</p>", sentence(1), sentence(2), sentence(3));
    let short = "<p>A short page about the light.</p>";
    for markup in [
        "<noscript><iframe src=x></iframe></noscript>",
        "<noscript><p>Please switch on <b>JavaScript</b>.</p></noscript>",
        "<noscript><img src=a.jpg alt=Pier></noscript>",
        "<template><p>Template text</p></template>",
        "<template shadowrootmode=open><p>Template text</p></template>",
        "<script>document.write('<p>Script text</p>')</script>",
        "<script type=text/x-template><p>Template text</p></script>",
        "<style>p::after { content: '<p>Style text</p>' }</style>",
        "<!-- <p>Comment text</p> -->",
        "<!--[if IE]><p>Comment text</p><![endif]-->",
        "<?xml-stylesheet href=x?>",
        "<iframe><p>Frame text</p></iframe>",
        "<noembed><p>Embed text</p></noembed>",
        "<noframes><p>Frame text</p></noframes>",
        "<textarea><p>Field text</p></textarea>",
        "<select><option>Field text</option></select>",
        "<svg><title>Picture text</title><text>Picture text</text></svg>",
        "<object data=x><p>Object text</p></object>",
        "<video src=x>Video text</video>",
    ] {
        for (body, container) in
            [(&long[..], "article"), (short, "article"), (&long[..], "div"), (short, "div")]
        {
            for content in [
                format!("{markup}{body}"),
                format!("{body}{markup}"),
                body.replacen("</p>", &format!("{markup}</p>"), 1),
            ] {
                let html = format!(
                    "<!DOCTYPE html><html><head><title>t</title></head><body><{container}>{content}</{container}></body></html>"
                );
                let text = text(&html);
                assert!(text.contains("lit at dusk") || text.contains("A short page"), "{html}: {text:?}");
                assert!(!text.contains(['<', '>']) && !text.contains("&lt;"), "{html}: {text:?}");
                let other = ["text", "JavaScript"].iter().any(|word| text.contains(&format!(" {word}")));
                assert!(!other, "{html}: {text:?}");
            }
        }
    }
}

#[test]
fn a_page_that_is_all_in_noscript_is_read() {
    let article =
        format!("<article><p>{}</p><p>{}</p><p>{}</p></article>", sentence(1), sentence(2), sentence(3));
    let paragraph = format!("<body><p>{} {} {}</p></body>", sentence(1), sentence(2), sentence(3));
    for html in [
        format!("<html><head><title>t</title></head><body><noscript>{article}</noscript></body></html>"),
        format!(
            "<html><head><title>t</title></head><body>Loading<noscript>{article}</noscript><div id=root></div></body></html>"
        ),
        format!(
            "<html><head><title>t</title></head><frameset cols=*><frame src=a></frameset><noframes>{paragraph}</noframes></html>"
        ),
        format!("<html><frameset cols=*><noframes>{paragraph}</noframes></frameset></html>"),
    ] {
        let text = text(&html);
        assert!((1..4).all(|number| text.contains(&format!("M{number:02}"))), "{text:?}");
        assert!(!text.contains('<') && !text.contains("&lt;"), "{text:?}");
    }
    let app = "<html><body><noscript>You need to enable JavaScript to run this app.</noscript><div id=root></div></body></html>";
    assert_eq!(text(app), "");
}

#[test]
fn markup_in_text_stays_text() {
    let html = format!(
        "<article><p>{} The tag &lt;p&gt; opens a paragraph.</p><p>{}</p></article>",
        sentence(1),
        sentence(2)
    );
    assert!(text(&html).contains("The tag <p> opens a paragraph."));
}

#[test]
fn readings_of_ruby_stay_out() {
    for ruby in [
        "<ruby>港<rt>みなと</rt></ruby>",
        "<ruby>港<rp>(</rp><rt>みなと</rt><rp>)</rp></ruby>",
        "<ruby><rb>港</rb><rt>みなと</ruby>",
    ] {
        let line = format!("<p>{ruby}の端にある灯台は、地元の技術者によって建てられました。</p>");
        for body in [line.clone(), line.repeat(12)] {
            let text = text(&format!("<!DOCTYPE html><html><body><article>{body}</article></body></html>"));
            assert!(text.contains("港の端") && !text.contains("みなと"), "{text:?}");
        }
    }
}

#[test]
fn short_pages_keep_their_lines() {
    for (body, lines) in [
        (
            "<h1>Log</h1><p>First of May.</p><p>Calm sea.</p><ul><li>two boats</li><li>one whale</li></ul><p>Lamp lit.</p>",
            6,
        ),
        ("<div>First of May.</div><div>Calm sea.</div><div>Lamp lit.</div>", 3),
        ("First of May.<br>Calm sea.<br>Lamp lit.", 3),
        ("<h2>Log</h2>First of May.<p>Calm sea.</p>Lamp <b>lit</b>.", 4),
        (
            "<table><tr><td>May</td><td>calm</td></tr><tr><td>June</td><td>storm</td></tr></table><p>Lamp lit.</p>",
            3,
        ),
        ("<p>First of May.</p>", 1),
    ] {
        for container in ["article", "div", "main", "section"] {
            let html = format!(
                "<!DOCTYPE html><html><head><title>t</title></head><body><{container}>{body}</{container}></body></html>"
            );
            let text = text(&html);
            let cells = if body.contains("<td>") { 2 } else { 0 };
            let found = text.lines().count();
            assert!(found == lines || found == lines + cells, "{container} {body}: {text:?}");
        }
    }
}

/// An article as sites have them, and what stands around it.
const AROUND: [(&str, &str); 14] = [
    (
        "navigation",
        "<nav class=main-nav><ul><li><a href=/a>World news</a></li><li><a href=/b>Sports pages</a></li></ul></nav>",
    ),
    (
        "menu",
        "<div class=menu><ul><li><a href=/a>Front page</a></li><li><a href=/b>All topics</a></li></ul></div>",
    ),
    (
        "cookies",
        "<div id=cookie-banner class=cookie-consent><p>We use cookies to improve your visit.</p><button>Accept</button></div>",
    ),
    ("share", "<div class=share-bar><a href=/f>Share on Facebook</a> <a href=/t>Tweet this</a></div>"),
    (
        "related",
        "<aside class=related-articles><h3>Related articles</h3><ul><li><a href=/1>Ten lamps of the north</a></li><li><a href=/2>How fog is made</a></li><li><a href=/3>A storm in May</a></li></ul></aside>",
    ),
    (
        "newsletter",
        "<div class=newsletter-signup><h3>Newsletter</h3><p>Sign up for our weekly mail.</p><form><input type=email></form></div>",
    ),
    (
        "comments",
        "<section id=comments class=comments><h3>2 comments</h3><div class=comment><p>I was there in that storm, and the lamp was out for an hour.</p></div><div class=comment><p>Thank you for this story, it was good to read.</p></div></section>",
    ),
    (
        "footer",
        "<footer class=site-footer><p>Copyright 2024 Harbour News. All rights reserved.</p><a href=/p>Privacy policy</a></footer>",
    ),
    (
        "breadcrumbs",
        "<div class=breadcrumbs><a href=/>Home</a> / <a href=/s>Harbour</a> / <a href=/l>Lights</a></div>",
    ),
    (
        "sidebar",
        "<div class=sidebar><h3>Most read</h3><ul><li><a href=/9>Ferry runs late again</a></li><li><a href=/8>New quay opened today</a></li></ul></div>",
    ),
    ("tags", "<div class=tags>Tags: <a href=/t1>lighthouse</a>, <a href=/t2>harbour</a></div>"),
    (
        "advertisement",
        "<div class=ad-slot><span>Advertisement</span><a href=//x>Buy cheap lamps now</a></div>",
    ),
    ("login", "<div class=login-form><p>Log in to your account</p><form><input></form></div>"),
    ("pager", "<div class=pagination><a href=/1>Previous article</a> <a href=/3>Next article</a></div>"),
];

#[test]
fn what_stands_around_an_article_stays_out() {
    let body: String = (0..10)
        .map(|number| {
            format!(
                "<p>{} The wind rose, and the sea, which had been calm, broke over the pier.</p>",
                sentence(number)
            )
        })
        .collect();
    let mut wrong = Vec::new();
    for (what, around) in AROUND {
        let article = format!(
            "<article class=post><h1>The light at the pier</h1><div class=entry-content>{body}</div></article>"
        );
        for page in [
            format!("{around}{article}"),
            format!("{article}{around}"),
            format!("<div class=container>{article}{around}</div>"),
        ] {
            let html = format!(
                "<!DOCTYPE html><html><head><title>The light at the pier</title><meta property=og:type content=article></head><body>{page}</body></html>"
            );
            let text = text(&html);
            let missing = (0..10).filter(|number| !text.contains(&format!("M{number:02}"))).count();
            let words: Vec<&str> = around
                .split(['<', '>'])
                .skip(2)
                .step_by(2)
                .map(str::trim)
                .filter(|words| words.len() > 6)
                .collect();
            let kept: Vec<&str> = words.into_iter().filter(|words| text.contains(words)).collect();
            if missing > 0 || !kept.is_empty() {
                wrong.push(format!("{what}: {missing} missing, kept {kept:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn readers_comments_come_behind_the_text_where_they_are_wanted() {
    let html = format!(
        "<html><body><article><p>{}</p><p>{}</p></article><div id=comments><p>What a fine lamp this is, said a reader.</p></div></body></html>",
        sentence(1),
        sentence(2)
    );
    let with = Settings { comments: true, ..settings() };
    let text = main_text(html.as_bytes(), None, "https://a.example/news/1", &with).unwrap_or_default();
    assert!(text.ends_with("said a reader.") && text.contains("M02"), "{text}");
    assert!(!self::text(&html).contains("said a reader"));
}
