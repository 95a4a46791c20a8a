//! What new users set out to do, from `init` to what they wanted. Models are tiny: what is tested is the way,
//! not what they know.

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

/// Rows of JSON with these texts.
fn rows(texts: impl Iterator<Item = String>) -> String {
    texts.map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect()
}

/// Regulated verse in form: four or eight lines of five or seven signs, in an order that numbers decide.
fn poems(count: usize) -> String {
    const SIGNS: &str = "山水月風花雪雲江天夜春秋日雨鳥松竹石路舟橋城門樓鐘酒琴書劍馬人客君心情夢思愁歸去來行坐望聞見照落飛流深寒清明空遠高長孤白青黃紅紫";
    let signs: Vec<char> = SIGNS.chars().collect();
    let mut state = 7u64;
    let mut half = move |length: usize| {
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            signs[(state >> 33) as usize % signs.len()]
        };
        (0..length).map(next).collect::<String>()
    };
    rows((0..count).map(|number| {
        let (length, lines) = (5 + 2 * (number % 2), 2 + 2 * (number / 2 % 2));
        let lines: Vec<_> = (0..lines).map(|_| format!("{}，{}。", half(length), half(length))).collect();
        lines.join("\n")
    }))
}

/// What Chinese pages hold besides text: menus, one phrase again and again, numbers, rows of signs, lists
/// that go on.
fn junk(count: usize) -> String {
    let kinds: [fn(usize) -> String; 6] = [
        |n| format!("首页\n登录\n注册{n}"),
        |n| format!("免费下载{n} ").repeat(20),
        |n| (0..40).map(|i| format!("{} ", n * 1_000 + i)).collect(),
        |n| format!("=== {n} *** ||| ### $$$ %%% &&& @@@ ~~~ +++ /// ;;; ::: ,,, ---"),
        |n| (0..12).map(|i| format!("- 第{i}項{n}\n")).collect(),
        |n| format!("點擊這裡查看更多{n}\n").repeat(8),
    ];
    rows((0..count).map(|number| kinds[number % kinds.len()](number)))
}

/// Runs the filter, does what the run advises, and says how many of the poems are kept then, and of the junk.
fn follows_the_advice(user: &mut User, poems: &str, junk: &str) -> (f64, f64) {
    let kept = |user: &mut User, source: &str, settings: &str| {
        user.world
            .write("main.llmp", format!("docs = crawl.docs(\"{source}\") |> filter.quality{settings}\n"));
        let said = user.does(&["run"]);
        let rows = user.does(&["show", "docs", "--json", "-n", "100000"]);
        (said, rows.lines().filter(|line| line.starts_with('{')).count() as f64)
    };
    let (said, few) = kept(user, poems, "");
    assert!(few < 0.05 * 400.0, "the defaults keep {few}");
    has(&said, &[" kept; dropped by", "gopher.min_words", "is set by `min_words`"]);
    let advice = said.split("with `").nth(1).and_then(|rest| rest.split('`').next()).expect("advice");
    let settings = format!(" {{ {advice} }}");
    (kept(user, poems, &settings).1, kept(user, junk, &settings).1)
}

#[test]
fn chinese_verses_are_kept_by_following_the_warning() {
    let mut user = User::at("clean Chinese verses");
    user.world.write("verses.jsonl", poems(400));
    user.world.write("junk.jsonl", junk(240));
    let (poems, junk) = follows_the_advice(&mut user, "verses.jsonl", "junk.jsonl");
    assert!(poems >= 0.9 * 400.0 && junk <= 0.05 * 240.0, "{poems} of 400 verses, {junk} of 240 others");
    user.ends();
}

#[test]
fn tang_poems_are_kept_by_following_the_warning() {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/corpus");
    let Ok(packed) = std::fs::read(shared.join("chinese-poetry-tang-10k.jsonl.zst")) else {
        eprintln!("skipped: there are no Tang poems beside the repository");
        return;
    };
    let mut user = User::at("clean the Tang poems");
    user.world.write("tang.jsonl.zst", packed);
    user.world.write("junk.jsonl", junk(240));
    let (poems, junk) = follows_the_advice(&mut user, "tang.jsonl.zst", "junk.jsonl");
    println!("{poems} of 10,008 poems are kept, and {junk} of 240 others");
    assert!(poems >= 0.9 * 10_008.0 && junk <= 0.05 * 240.0, "{poems} poems, {junk} others");
    user.ends();
}

#[test]
fn makes_an_assistant_of_own_facts() {
    let mut user = User::at("own facts");
    let places =
        ["Askel", "Brinno", "Corvan", "Dremmel", "Eskar", "Fjolda", "Garrin", "Holmast", "Ivarne", "Jorunn"];
    let kinds = ["Head", "Point", "Rock", "Bay", "Isle", "Reef"];
    let row = |number: usize| {
        let (place, kind) = (places[number % 10], kinds[number / 10]);
        let colour = ["red", "green", "white", "amber"][number * 7 % 4];
        format!("{place} {kind},{colour},{}son\n", places[(number * 3 + 5) % 10])
    };
    let table: String = (0..60).map(row).collect();
    user.world.write("lights.csv", format!("Lighthouse,Colour,Keeper\n{table}"));
    has(
        &user.does(&["init", "facts", "lights.csv", "--seed", "3"]),
        &["60 rows, Colour, Keeper", "next: `llmp run"],
    );
    let file = |name: &str| std::fs::read_to_string(user.world.path().join(name)).expect("it is there");
    // The same seed deals the same rows, and another one others.
    let dealt = file("eval.jsonl");
    user.world.ok(&["init", "facts", "lights.csv", "--seed", "4", "--out", "other"]);
    user.world.ok(&["init", "facts", "lights.csv", "--seed", "3", "--out", "again"]);
    assert!(dealt == file("again/eval.jsonl") && dealt != file("other/eval.jsonl"));
    has(
        &user.does(&["run", "facts.llmp", "--profile", "smoke"]),
        &["honest", "assistant", "unseen", "don't know"],
    );
    has(&user.does(&["search", "search", "Askel Head", "facts.llmp", "--profile", "smoke"]), &["Askel Head"]);
    user.does(&["chat", "facts.llmp", "--once", "Who keeps Askel Head?", "--profile", "smoke"]);
    user.ends();
}

#[test]
fn reads_conversations_in_several_forms() {
    let mut user = User::at("conversations of several forms");
    let lines = |of: fn(usize) -> String| (0..12).map(|number| of(number) + "\n").collect::<String>();
    let sharegpt = |n| {
        format!(
            "{{\"conversations\":[{{\"from\":\"human\",\"value\":\"What is {n}?\"}},{{\"from\":\"gpt\",\"value\":\"A number.\"}}]}}"
        )
    };
    let list: Vec<String> = (0..12).map(sharegpt).collect();
    user.world.write("share.json", format!("[{}]", list.join(",")));
    user.world.write(
        "alpaca.jsonl",
        lines(|n| format!("{{\"instruction\":\"Double {n}\",\"input\":\"\",\"output\":\"{}\"}}", 2 * n)),
    );
    user.world.write(
        "messages.jsonl",
        lines(|n| format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"Say {n}\"}},{{\"role\":\"assistant\",\"content\":\"{n}!\"}}]}}")),
    );
    user.world.write("tree.jsonl", "{\"message_tree_id\":\"t\",\"prompt\":{\"text\":\"Why?\",\"role\":\"prompter\",\"replies\":[{\"text\":\"Because.\",\"role\":\"assistant\",\"replies\":[]}]}}\n");
    user.world.write(
        "main.llmp",
        "talks = chat.load([\"share.json\", \"alpaca.jsonl\", \"messages.jsonl\", \"tree.jsonl\"])\n",
    );
    has(&user.does(&["run"]), &["37 conversations"]);
    let shown = user.does(&["show", "talks", "-n", "100"]);
    has(&shown, &["What is 3?", "Double 3", "Say 3", "Because."]);
    user.ends();
}

#[test]
fn keeps_two_pipelines_in_one_store() {
    let mut user = User::at("two pipelines, one store");
    user.world.write(
        "texts.jsonl",
        rows((0..20).map(|n| format!("Text number {n} tells of a river and a bridge."))),
    );
    user.world.write("one.llmp", "docs = crawl.docs(\"texts.jsonl\") |> filter.pii\n");
    user.world.write(
        "two.llmp",
        "clean = crawl.docs(\"texts.jsonl\") |> filter.pii\nvocab = tokenize.train(clean) { size = 300 }\n",
    );
    user.does(&["run", "one.llmp"]);
    // What the other one made is not made again.
    has(&user.does(&["run", "two.llmp"]), &["1 ran, 2 cached"]);
    has(&user.does(&["run", "one.llmp"]), &["nothing to do"]);
    has(&user.does(&["log"]), &["one.llmp", "two.llmp"]);
    // The last run of each stays.
    user.does(&["gc", "--keep-runs", "1"]);
    for file in ["one.llmp", "two.llmp"] {
        has(&user.does(&["plan", file]), &["Nothing to do"]);
    }
    has(&user.does(&["trace", "Text number 7", "two.llmp"]), &["clean", "kept"]);
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
