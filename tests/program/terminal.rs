//! `llmp chat` at a terminal: keys, history, commands, and Ctrl-C. A pseudo-terminal comes from Python.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::world::World;

/// A model that has seen one batch, and so talks on and on, slowly.
const PIPELINE: &str = r#"
docs   = crawl.text("text.txt") |> filter.pii
vocab  = tokenize.train(docs) { size = 300 }
tokens = tokenize.encode(docs, vocab)
base   = pretrain(tokens) { model = { layers = 4, width = 256, heads = 4, context = 4_096 }, for = 4_096 tokens, batch = 1, lr = 1e-7 }
chat   = sft(base, chat.load("talk.jsonl")) { epochs = 0.1, lr = 1e-7 }
"#;

/// Does the steps at a terminal; `None` where there is no Python.
fn at_a_terminal(world: &World, arguments: &[&str], steps: &[Value]) -> Option<String> {
    world.write("terminal.py", include_str!("terminal.py"));
    let mut python = Command::new("python3");
    python.arg("terminal.py").arg(env!("CARGO_BIN_EXE_llmp")).args(arguments).current_dir(world.path());
    python.env("TERM", "xterm").env_remove("LLMP_STORE");
    let started = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = started else {
        eprintln!("skipped: there is no `python3`, which gives a terminal");
        return None;
    };
    let mut input = child.stdin.take().expect("piped");
    for step in steps {
        writeln!(input, "{step}").expect("it reads");
    }
    drop(input);
    let ended = child.wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{err}\n{out}");
    Some(out.into_owned())
}

#[test]
fn a_talk_at_a_terminal() {
    let world = World::new();
    world.write(
        "text.txt",
        "A farmer had a goose that laid a golden egg every day of the week.\n".repeat(200),
    );
    world.write_talks(20);
    world.write("main.llmp", PIPELINE);
    world.ok(&["run", "main.llmp", "-q"]);
    let send = |keys: &str| json!(["send", keys]);
    let expect = |text: &str| json!(["expect", text]);
    let steps = [
        expect("/help lists what else there is"),
        expect("> "),
        // What is no command is not said to the model.
        send("/hepl\r"),
        expect("there is no command `/hepl`"),
        send("/help\r"),
        expect("/system TEXT"),
        // Arrow keys move in the line, and Ctrl-A to its start.
        expect("> "),
        send("/hlp\x1b[D\x1b[De\r"),
        expect("/system TEXT"),
        expect("> "),
        send("Xhelp\x01\x04/\r"),
        expect("/system TEXT"),
        expect("> "),
        // A sign of two cells goes in one stroke.
        send("\u{4f60}\u{597d}\x7f\x7f/help\r"),
        expect("/system TEXT"),
        expect("> "),
        // The line before comes again.
        send("\x1b[A\r"),
        expect("/system TEXT"),
        expect("> "),
        // A line goes on behind `\\`.
        send("/system Be brief,\\\r"),
        expect("Be brief,\\"),
        json!(["wait", 0.2]),
        send("and kind.\r"),
        expect("and kind."),
        expect("> "),
        send("/save talk-1.jsonl\r"),
        expect("1 message in `talk-1.jsonl`"),
        expect("> "),
        // Ctrl-C ends the answer, and nothing else.
        send("What is 3?\r"),
        expect("What is 3?"),
        json!(["wait", 0.5]),
        send("\x03"),
        expect("[stopped]"),
        expect("> "),
        send("/save talk-2.jsonl\r"),
        expect("in `talk-2.jsonl`"),
        expect("> "),
        send("/exit\r"),
        json!(["ends", 0]),
    ];
    if at_a_terminal(&world, &["chat", "-n", "4000"], &steps).is_none() {
        return;
    }
    let saved = |name: &str| std::fs::read_to_string(world.path().join(name)).expect("saved");
    assert!(saved("talk-1.jsonl").contains("Be brief,\\nand kind."), "{}", saved("talk-1.jsonl"));
    assert!(saved("talk-2.jsonl").contains("What is 3?"), "the question stays: {}", saved("talk-2.jsonl"));
    // At the prompt it ends the talk; so does Ctrl-D.
    for key in ["\x03", "\x04"] {
        at_a_terminal(&world, &["chat"], &[expect("> "), send(key), json!(["ends", 0])]);
    }
}
