//! `spec/8-formats.md` lists the rules by which the stages from files to text leave something out: these, and
//! no others.

use std::collections::BTreeSet;
use std::path::Path;

/// What the rules of these stages begin with.
const STAGES: [&str; 6] = ["warc.", "wet.", "html.", "extract.", "urls.", "skipped."];

/// The reasons of the reader of WARC files, which are counted as `skipped.REASON`.
const REASONS: [&str; 5] = ["header", "length", "truncated", "gzip", "junk"];

fn sources(folder: &Path, rules: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, rules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("read");
            // Tests stand at the end of a file.
            let text = text.split("#[cfg(test)]").next().unwrap_or("");
            rules.extend(text.split('"').skip(1).step_by(2).filter(|word| is_rule(word)).map(str::to_owned));
        }
    }
}

fn is_rule(word: &str) -> bool {
    let stage = STAGES.iter().find_map(|stage| word.strip_prefix(stage));
    stage.is_some_and(|rule| {
        !rule.is_empty() && rule.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

#[test]
fn every_rule_is_in_the_specification() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used: BTreeSet<String> = REASONS.iter().map(|reason| format!("skipped.{reason}")).collect();
    sources(&root.join("src"), &mut used);
    let ends = ["llmp", "text", "rs", "gz"];
    used.retain(|rule| !ends.iter().any(|end| rule.ends_with(&format!(".{end}"))));
    let page = std::fs::read_to_string(root.join("../../spec/8-formats.md")).expect("the page");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<String> =
        rows.map(|(rule, _)| rule.to_owned()).filter(|rule| is_rule(rule)).collect();
    assert_eq!(listed, used);
}
