//! What new users set out to do, from `init` to what they wanted. Models are tiny: what is tested is the way, not what they know.

use std::process::Command;
use std::time::Instant;

use crate::world::World;

/// A user at a task: counts commands and takes the time.
struct User {
    task: &'static str,
    world: World,
    began: Instant,
    commands: u32,
}

impl User {
    fn at(task: &'static str) -> Self {
        Self { task, world: World::new(), began: Instant::now(), commands: 0 }
    }

    /// Both outputs of a command that must succeed.
    fn does(&mut self, arguments: &[&str]) -> String {
        self.commands += 1;
        let said = self.world.ok(arguments);
        said.out + &said.err
    }

    fn edits(&self, file: &str, from: &str, to: &str) {
        let path = self.world.path().join(file);
        let text = std::fs::read_to_string(&path).expect("the file");
        assert!(text.contains(from), "`{from}` is not in {file}");
        std::fs::write(&path, text.replacen(from, to, 1)).expect("writable");
    }

    /// `cargo test --test newcomer -- --nocapture` shows the table.
    fn ends(self) {
        println!(
            "{:<28} {:>6.1} s {:>3} commands",
            self.task,
            self.began.elapsed().as_secs_f64(),
            self.commands
        );
    }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn cleans_own_pages_and_sees_what_was_dropped() {
    let mut user = User::at("clean own HTML");
    user.does(&["init", "html"]);
    let page =
        |text: &str| format!("<html><body><article><h1>Home</h1><p>{text}</p></article></body></html>");
    let prose = "The river lies near the old bridge, and people of the town walk there in the evening with their friends. \
                 A small market opens on the square every spring, where farmers sell bread, cheese and early fruit to the visitors. \
                 Behind the library stands a school that was built by hand a hundred years ago and still has its wooden floor. \
                 When the snow melts, the road to the harbour is often closed, so that letters have to wait for a week or two. \
                 Nobody minds that much. In summer the same road is full of carts, and the children sell water at its side. ";
    user.world.write("pages/code.html", page(&format!("{}{{ let a = 1; }}", prose)));
    user.world.write("pages/short.html", page("Nothing to see."));
    has(&user.does(&["run"]), &["documents", "dropped"]);
    let dropped = user.does(&["show", "docs/filter.quality", "--dropped"]);
    has(&dropped, &["c4.curly_bracket", "code.html"]);
    has(&user.does(&["explain", "c4.curly_bracket"]), &["`{`", "except = [curly_bracket]"]);
    user.edits("html.llmp", "rules = [gopher, c4]", "rules = [gopher, c4], except = [curly_bracket]");
    has(&user.does(&["plan"]), &["except", "[curly_bracket]"]);
    user.does(&["run"]);
    has(&user.does(&["show", "docs", "--where", "code.html"]), &["let a = 1"]);
    has(&user.does(&["trace", "walk there in the evening"]), &["code.html"]);
    user.ends();
}

#[test]
fn trains_on_own_text_and_compares_two_rates() {
    let mut user = User::at("train on own text, sweep");
    user.does(&["init", "text"]);
    user.does(&["run", "--profile", "smoke"]);
    user.edits("text.llmp", "  batch = 8", "  batch = 8\n  lr = each [0.02, 0.05]");
    has(&user.does(&["run", "--profile", "smoke"]), &["base[lr=0.02]"]);
    has(&user.does(&["runs"]), &["base.lr", "base.loss", "0.02", "0.05"]);
    let sampled = user.does(&["sample", "A stage", "-m", "base.lr=0.02", "--profile", "smoke", "-n", "4"]);
    has(&sampled, &["base[lr=0.02] of run 2"]);
    let which = user.world.llmp(&["sample", "A stage", "-m", "base", "--profile", "smoke"]);
    assert_eq!(which.code, 1, "two are called so");
    has(&which.err, &["`base[lr=0.02]` or `base[lr=0.05]`"]);
    // Another way to write what is there: nothing to do, and the same model.
    user.edits("text.llmp", "each [0.02, 0.05]", "0.02");
    has(&user.does(&["run", "--profile", "smoke"]), &["nothing to do"]);
    has(&user.does(&["sample", "A stage", "--profile", "smoke", "-n", "4"]), &["of run 2"]);
    // It goes on from there, on the same text.
    user.edits(
        "text.llmp",
        "// `llmp run --profile",
        "more = pretrain(tokens, from = base) { for = 4k tokens }\n\n// `llmp run --profile",
    );
    has(&user.does(&["run", "--profile", "smoke"]), &["+ more"]);
    user.ends();
}

#[test]
fn plain_text_is_not_taken_for_rows() {
    let user = User::at("text where rows are due");
    user.world.write("story.txt", "A farmer had a goose that laid a golden egg.\n".repeat(9));
    user.world.write("main.llmp", "docs = crawl.docs(\"story.txt\")\n");
    let said = user.world.llmp(&["plan"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    has(&(said.out + &said.err), &["story.txt", "plain text", "crawl.text"]);
    user.ends();
}

#[test]
fn chinese_verses_are_kept_by_following_the_warning() {
    let mut user = User::at("clean Chinese verses");
    let verses = [
        "床前明月光，疑是地上霜。",
        "白日依山尽，黄河入海流。",
        "春眠不觉晓，处处闻啼鸟。",
        "红豆生南国，春来发几枝。",
    ];
    let row = |number: usize| {
        let text: Vec<&str> = (0..4).map(|line| verses[(number + line * (1 + number / 4)) % 4]).collect();
        format!("{{\"text\": \"{}第{number}首。\"}}\n", text.join("\\n"))
    };
    user.world.write("verses.jsonl", (0..60).map(row).collect::<String>());
    user.world.write("main.llmp", "docs = crawl.docs(\"verses.jsonl\") |> filter.quality\n");
    let said = user.does(&["run"]);
    has(&said, &["warning: 0 of 60 documents were kept", "gopher.min_words", "is set by `min_words`"]);
    user.world.write(
        "main.llmp",
        "docs = crawl.docs(\"verses.jsonl\") |> filter.quality { rules = [], min_words = 10 }\n",
    );
    has(&user.does(&["run"]), &["60 documents"]);
    user.ends();
}

#[test]
fn tunes_a_model_and_looks_at_what_it_is_taught() {
    let mut user = User::at("fine-tune and chat");
    user.does(&["init", "chat"]);
    user.does(&["run", "--profile", "smoke"]);
    has(&user.does(&["chat", "--once", "Hello!", "--profile", "smoke"]), &["chat of run 1"]);
    let taught = user.does(&["show", "chat.load", "-n", "1", "--model", "chat", "--profile", "smoke"]);
    has(&taught, &["<|im_start|>user<|im_sep|>", "learned", "<|im_end|>"]);
    user.ends();
}

#[test]
fn writes_a_stage_in_python() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("python3 is not installed: own stages were not tried");
        return;
    }
    let mut user = User::at("an own Python stage");
    user.does(&["init", "stage"]);
    has(&user.does(&["run"]), &["documents", "conversations"]);
    user.edits("clean.py", "\"my.too_short\"", "\"my.brief\"");
    has(&user.does(&["why", "docs"]), &["clean.py"]);
    user.does(&["run"]);
    has(&user.does(&["show", "docs", "--dropped"]), &["my.brief"]);
    user.ends();
}

#[test]
fn an_everyday_with_a_store() {
    let mut user = User::at("everyday commands");
    user.does(&["init", "jsonl"]);
    user.does(&["run", "--profile", "smoke"]);
    user.does(&["run", "--profile", "smoke", "--set", "base.lr=0.02"]);
    has(&user.does(&["diff"]), &["lr", "0.05", "0.02"]);
    has(&user.does(&["why", "base", "--profile", "smoke"]), &["base"]);
    has(&user.does(&["log"]), &["jsonl.llmp"]);
    has(&user.does(&["verify"]), &["0 damaged"]);
    has(&user.does(&["gc", "--dry-run"]), &["would free"]);
    // The folder may move: what is done is done.
    let moved = User::at("everyday commands");
    let copied =
        Command::new("cp").arg("-R").arg(user.world.path().join(".")).arg(moved.world.path()).status();
    assert!(copied.expect("cp").success());
    has(&moved.world.ok(&["plan", "--profile", "smoke"]).out, &["Nothing to do"]);
    user.ends();
}
