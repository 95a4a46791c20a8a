//! What a new user meets: tasks, mistakes, and whether messages mend them. `README.md` has the table of
//! tasks.

mod tasks;
#[path = "../program/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod world;

use serde_json::Value;
use world::World;

/// A case of `mistakes.txt`.
struct Case<'t> {
    name: &'t str,
    program: String,
    /// The command that tells, `check` or `plan`, and what it is given besides the file.
    command: Vec<&'t str>,
    /// Where the first message has to stand.
    place: &'t str,
    /// What it has to say.
    words: Vec<&'t str>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let read = |case| {
        let (name, rest): (&str, &str) = str::split_once(case, '\n')?;
        let (program, asked) = rest.split_once("\n=> ")?;
        let (at, words) = asked.lines().next()?.split_once(": ")?;
        let (command, place) = match at.split_once(' ') {
            None => (vec!["check"], at),
            Some(("plan", place)) => (vec!["plan"], place),
            Some(("--params", given)) => {
                let (file, place) = given.split_once(' ')?;
                (vec!["check", "--params", file], place)
            }
            Some((option, value)) => (vec!["check", option, value], value.split('=').next()?),
        };
        let words = words.split(" | ").collect();
        Some(Case { name, program: format!("{program}\n"), command, place, words })
    };
    text.split("\n--- ").skip(1).map(|case| read(case).unwrap_or_else(|| panic!("no case: {case}"))).collect()
}

/// The place and the words of the first message, which is all that a user reads: not the line of the program
/// that is quoted.
fn first_message(world: &World, case: &Case<'_>) -> Option<(String, String)> {
    let format = if case.command[0] == "plan" { &["--json"][..] } else { &["--format", "json"] };
    let arguments = [&case.command[..1], &["main.llmp"], &case.command[1..], format].concat();
    let said: Value = serde_json::from_str(&world.llmp(&arguments).out).ok()?;
    let Some(first) = said["diagnostics"].get(0) else {
        let blocked = said["stages"].as_array()?.iter().find_map(|stage| stage["blocked"].as_str())?;
        let (message, place) = blocked.rsplit_once("  main.llmp:")?;
        return Some((place.to_owned(), message.to_owned()));
    };
    let (file, start) = (first["place"]["file"].as_str()?, &first["place"]["start"]);
    let place = match file.strip_prefix("--set ").or_else(|| file.strip_prefix("params file ")) {
        Some(path) => path.to_owned(),
        None => format!("{}:{}", start["line"], start["column"]),
    };
    let labels = first["labels"].as_array()?.iter().map(|label| &label["text"]);
    let texts = [&first["code"], &first["message"], &first["help"]].into_iter().chain(labels);
    Some((place, texts.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")))
}

#[test]
fn fifty_mistakes_are_mended_at_first_reading() {
    let cases = cases(include_str!("mistakes.txt"));
    assert!(cases.len() >= 50, "{} cases", cases.len());
    let mut bad = Vec::new();
    for case in &cases {
        let world = World::new();
        world.write("a.jsonl", "{\"text\": \"one text\"}\n");
        world.write(
            "q.jsonl",
            "{\"id\": \"1\", \"question\": \"a?\", \"answer\": \"b\", \"values\": [\"b\"]}\n",
        );
        world.write("prose.txt", "A farmer had a goose that laid a golden egg.\n".repeat(5));
        world.write("params.yaml", "base.lr: fast\n");
        world.write("main.llmp", &case.program);
        let (place, text) = first_message(&world, case).unwrap_or_default();
        let missing: Vec<&&str> = case.words.iter().filter(|words| !text.contains(**words)).collect();
        if !missing.is_empty() || place != case.place {
            bad.push(format!("--- {}: at {place}, without {missing:?}\n{text}", case.name));
        }
    }
    assert!(bad.is_empty(), "{} of {} would not be mended\n{}", bad.len(), cases.len(), bad.join("\n"));
}
