//! `llmp look`: what a filter's rules saw, with thresholds, samples and a page.

use serde_json::Value;

use crate::world::World;

const PIPELINE: &str = r#"
docs = crawl.docs("texts.jsonl")
long = filter.length(docs) { unit = words, min = 20 }
good = filter.regex(long) { drop = ["casino"] }
"#;

fn world() -> World {
    let world = World::new();
    world.write("main.llmp", PIPELINE);
    let row = |n: usize| {
        let text = format!("{} {}", "word ".repeat(n), if n == 40 { "casino" } else { "end" });
        format!("{{\"text\": \"{text}\", \"url\": \"https://a.example/{n}\"}}\n")
    };
    world.write("texts.jsonl", (0..60).map(row).collect::<String>());
    world.ok(&["run", "main.llmp"]);
    world
}

#[test]
fn thresholds_are_shown_with_what_others_would_keep() {
    let world = world();
    let look: Value = serde_json::from_str(&world.ok(&["look", "long", "--json"]).out).unwrap();
    assert_eq!((&look["kept"], &look["dropped"], &look["sampled"]), (&41.into(), &19.into(), &60.into()));
    let rule = &look["rules"][0];
    assert_eq!((rule["rule"].as_str(), rule["setting"].as_str()), (Some("length.min"), Some("min")));
    assert_eq!((&rule["values"]["broken"], &rule["values"]["limit"][0]), (&19.into(), &20.0.into()));
    let others = rule["values"]["others"].as_array().unwrap();
    let kept = |other: &Value| (other["limit"].as_f64().unwrap(), other["kept"].as_u64().unwrap());
    assert!(others.iter().map(kept).any(|found| found == (20.0, 41)), "{others:?}");
    assert!(others.iter().map(kept).is_sorted_by(|a, b| a.0 < b.0 && a.1 >= b.1), "{others:?}");
    assert_eq!(rule["samples"][0]["url"], "https://a.example/18", "what is nearest to the threshold");
    assert_eq!(rule["near"][0]["url"], "https://a.example/19");
    let again = world.ok(&["look", "long", "--json"]).out;
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), look, "the same sample");

    let said = world.ok(&["look", "long", "--sample", "30"]).out;
    for told in ["41 kept, 19 dropped", "values of 30 documents", "▲ at least 20", "pass all"] {
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn samples_are_filtered_and_a_page_is_written() {
    let world = world();
    let said = world.ok(&["look", "good", "--where", "casino"]).out;
    assert!(said.contains("regex.drop  1 dropped") && said.contains("https://a.example/40"), "{said}");
    assert!(!said.contains("https://a.example/41"), "{said}");
    world.ok(&["look", "long", "--out", "look.html"]);
    let page = std::fs::read_to_string(world.path().join("look.html")).unwrap();
    assert!(page.contains("length.min") && page.contains("<svg") && page.contains("https://a.example/18"));
    assert!(!page.contains("src=") && !page.contains("href="), "nothing from outside");
}

#[test]
fn what_cannot_be_looked_at_says_so() {
    let world = world();
    let said = world.llmp(&["look", "docs"]);
    assert!(said.code == 1 && said.err.contains("`docs` leaves no documents out"), "{}", said.err);
    let said = world.llmp(&["look", "long", "--rule", "length.mim"]);
    assert!(said.code == 1 && said.err.contains("did you mean `length.min`?"), "{}", said.err);
}
