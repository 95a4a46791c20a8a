//! What a new user meets: tasks, mistakes, and whether messages mend them.

mod tasks;
#[path = "../program/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the program")]
mod world;

use world::World;

/// A case of `mistakes.txt`.
struct Case<'t> {
    name: &'t str,
    program: String,
    arguments: Vec<String>,
    words: Vec<&'t str>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let cases = text.split("\n--- ").skip(1);
    cases
        .map(|case| {
            let (name, rest) = case.split_once('\n').expect("a name");
            let (program, asked) = rest.split_once("\n=> ").expect("words");
            let asked = asked.lines().next().expect("a line");
            let (command, words) = match asked.split_once(": ") {
                Some(("plan", words)) => (vec!["plan"], words),
                Some((set, words)) if set.starts_with("set ") => (vec!["check", "--set", &set[4..]], words),
                _ => (vec!["check"], asked),
            };
            let mut arguments: Vec<String> = command.into_iter().map(str::to_owned).collect();
            arguments.insert(1, "main.llmp".to_owned());
            Case { name, program: format!("{program}\n"), arguments, words: words.split(" | ").collect() }
        })
        .collect()
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
        world.write("main.llmp", &case.program);
        let arguments: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
        let said = world.llmp(&arguments);
        let text = format!("{}{}", said.out, said.err);
        let missing: Vec<&&str> = case.words.iter().filter(|words| !text.contains(**words)).collect();
        if !missing.is_empty() {
            bad.push(format!("--- {}: without {missing:?}\n{text}", case.name));
        }
    }
    assert!(bad.is_empty(), "{} of {} would not be mended\n{}", bad.len(), cases.len(), bad.join("\n"));
}
