//! `crawl.site`: a small site on loopback.

use std::collections::BTreeMap;

use crate::server::{Reply, Server};
use crate::world::World;

fn page(title: &str, links: &[&str]) -> String {
    let links: String = links.iter().map(|link| format!("<li><a href=\"{link}\">{link}</a>")).collect();
    let text =
        format!("The keeper of {title} walks to the river every morning and counts the boats. ").repeat(8);
    format!(
        "<!doctype html><html><title>{title}</title><body><article><p>{text}</p></article><ul>{links}</ul></body></html>"
    )
}

fn site() -> Server {
    let pages = BTreeMap::from([
        (
            "/",
            page(
                "home",
                &["/a", "/secret/x", "b?q=1#top", "http://127.0.0.1:9/", "mailto:x@y.example", "/moved"],
            ),
        ),
        ("/a", page("a", &["/", "/a/1"])),
        ("/a/1", page("a1", &["/a/2"])),
        ("/a/2", page("a2", &[])),
        ("/b?q=1", page("b", &["/picture"])),
        ("/mapped", page("mapped", &[])),
    ]);
    Server::new(move |asked| {
        let html = |body: &str| {
            Reply { body: body.as_bytes().to_vec(), ..Reply::status(200) }
                .with("content-type", "text/html; charset=utf-8")
        };
        match asked.path.as_str() {
            "/robots.txt" => {
                let host = asked.header("host").unwrap_or_default();
                let text = format!("User-agent: *\nDisallow: /secret\nSitemap: http://{host}/map.xml\n");
                Reply { body: text.into_bytes(), ..Reply::status(200) }
            }
            "/map.xml" => {
                let host = asked.header("host").unwrap_or_default();
                html(&format!("<urlset><url><loc>http://{host}/mapped</loc></url></urlset>"))
            }
            "/moved" => Reply::status(301).with("location", "http://localhost:1/inside"),
            "/picture" => {
                Reply { body: vec![1, 2, 3], ..Reply::status(200) }.with("content-type", "image/png")
            }
            path => pages.get(path).map_or_else(|| Reply::status(404), |text| html(text)),
        }
    })
}

#[test]
fn a_site_is_crawled_within_its_rules_and_once() {
    let server = site();
    let program = format!(
        "pages = crawl.site() {{ start = [\"{}\"], depth = 2, delay = 0s }}\ndocs = extract.text(pages)\n",
        server.url("/")
    );
    let world = World::new(&program);
    let plan = world.good(&["plan", "main.llmp"]).out;
    assert!(plan.contains("fetch: pages of unknown size"), "{plan}");
    assert!(server.asked().is_empty());
    let fetched = world.good(&["fetch", "main.llmp"]);
    let told = "5 pages of";
    assert!(fetched.err.contains(told), "{}", fetched.err);
    for left in ["2 another host", "1 no HTML", "1 robots.txt", "1 too deep"] {
        assert!(fetched.err.contains(left), "`{left}`: {}", fetched.err);
    }
    let paths: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths[..2], ["/robots.txt", "/map.xml"]);
    assert!(!paths.iter().any(|path| path.starts_with("/secret") || path == "/a/2"), "{paths:?}");
    let unique: std::collections::BTreeSet<_> = paths.iter().collect();
    assert_eq!(unique.len(), paths.len());
    world.good(&["run", "main.llmp"]);
    let shown = world.good(&["show", "docs"]).out;
    assert!(
        ["home", "a1", "mapped"].iter().all(|word| shown.contains(&format!("keeper of {word}"))),
        "{shown}"
    );
    assert_eq!(server.asked().len(), paths.len());
    // What a crawl brought is not made up for by another crawl.
    world.good(&["gc", "--downloads"]);
    let again = world.llmp(&["run", "main.llmp", "--force", "pages"]);
    assert!(again.code == 1 && again.err.contains("are not in the download cache any more"), "{}", again.err);
    assert_eq!(server.asked().len(), paths.len());
}

#[test]
fn a_site_that_lets_nobody_in_is_told() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/robots.txt" => Reply { body: b"user-agent: llmp\ndisallow: /\n".to_vec(), ..Reply::status(200) },
        _ => Reply::status(200),
    });
    let world = World::new(&format!(
        "docs = crawl.site() {{ start = [\"{}\"], delay = 0s }} |> extract.text\n",
        server.url("/")
    ));
    let fetched = world.llmp(&["fetch", "main.llmp"]);
    assert!(fetched.code == 1 && fetched.err.contains("no page came of"), "{}", fetched.err);
    assert!(fetched.err.contains("1 robots.txt") && fetched.err.contains("main.llmp:1:"), "{}", fetched.err);
    assert_eq!(server.asked().len(), 1);
}
