//! What `sample`, `chat`, `export`, `trace`, `show` and `search` take: the result that the file means, and
//! never silently another.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::world::{World, warc};

const PIPELINE: &str = r#"
docs   = crawl.warc("web/*.warc") |> extract.text |> filter.quality { rules = [gopher], min_words = 20, min_stop_words = 0, min_alphabetic = 0%, max_top_ngrams = [], max_repeated_ngrams = [] }
vocab  = tokenize.train(docs) { size = 400 }
tokens = tokenize.encode(docs, vocab)
base   = pretrain(tokens) {
  model = { layers = 1, width = 32, heads = 2, context = 64 }
  for = 2k tokens, batch = 4, lr = 0.02
}
chat   = sft(base, chat.load("talk.jsonl")) { epochs = 1 }
index  = tools.search(docs) { passage = 16 }
"#;

fn world() -> World {
    let world = World::of_sites(PIPELINE);
    world.write_talks(20);
    world
}

#[test]
fn a_model_is_the_one_that_the_file_means() {
    let world = world();
    world.ok(&["run", "main.llmp", "--to", "base"]);
    let sample = |more: &[&str]| world.llmp(&[&["sample", "The", "-n", "6"], more].concat());
    let first = sample(&["main.llmp"]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.err.starts_with("base of run 1, ") && first.err.contains("tokens"), "{}", first.err);

    // A newer run of other settings changes nothing of what the file means.
    world.ok(&["run", "main.llmp", "--to", "base", "--set", "base.lr=0.05"]);
    let again = sample(&["main.llmp"]);
    assert_eq!((&again.out, &again.err), (&first.out, &first.err));
    let other = sample(&["main.llmp", "--set", "base.lr=0.05"]);
    assert!(other.code == 0 && other.err.starts_with("base of run 2"), "{}", other.err);
    let missing = sample(&["main.llmp", "--set", "base.lr=0.03"]);
    assert_eq!(missing.code, 1);
    for told in [
        "`base` has no result that is up to date",
        "--run 2",
        "of other settings",
        "llmp run main.llmp --to base",
    ] {
        assert!(missing.err.contains(told), "{told}: {}", missing.err);
    }
    assert_eq!(sample(&["main.llmp", "--set", "base.lr=0.03", "--run", "1"]).out, first.out);

    // Another file with the same stage under another name finds the same result.
    world.write("other.llmp", PIPELINE.replace("base ", "model ").replace("sft(base", "sft(model"));
    let renamed = sample(&["other.llmp"]);
    assert!(renamed.code == 0 && renamed.err.starts_with("model of run 1"), "{}", renamed.err);
    assert_eq!(renamed.out, first.out);
    let exported = world.ok(&["export", "model", "copy", "other.llmp"]);
    assert!(exported.err.starts_with("model of run 1"), "{}", exported.err);
    let nobody = sample(&["main.llmp", "-m", "nobody"]);
    assert!(nobody.code == 1 && nobody.err.contains("there are `base of run"), "{}", nobody.err);
    let no_model = sample(&["main.llmp", "-m", "docs"]);
    assert!(no_model.code == 1 && no_model.err.contains("makes Docs, expected Model"), "{}", no_model.err);
}

#[test]
fn a_member_of_a_family_is_named_without_quotes() {
    let world = world();
    world.write("main.llmp", PIPELINE.replace("lr = 0.02", "lr = each [0.02, 0.05]"));
    world.ok(&["run", "main.llmp", "--to", "base"]);
    let family = world.llmp(&["sample", "-m", "base", "main.llmp"]);
    assert_eq!(family.code, 1);
    for told in ["base[lr=0.02]", "base[lr=0.05]", "`base.lr=0.02` needs no quotes"] {
        assert!(family.err.contains(told), "{told}: {}", family.err);
    }
    for name in ["base.lr=0.05", "base@0.05", "base[lr=0.05]"] {
        let one = world.ok(&["sample", "The", "-n", "4", "-m", name, "main.llmp"]);
        assert!(one.err.starts_with("base[lr=0.05] of run 1"), "{name}: {}", one.err);
    }
    // The sweep is over: what it made is what the file means.
    world.write("main.llmp", PIPELINE);
    let chosen = world.ok(&["sample", "The", "-n", "4", "main.llmp"]);
    assert!(chosen.err.starts_with("base of run 1"), "{}", chosen.err);
}

#[test]
fn rows_are_shown_as_people_read_them() {
    let world = world();
    world.write("web/short.warc", warc("short", 1));
    world.ok(&["run", "main.llmp"]);
    let show = |arguments: &[&str]| world.ok(&[&["show"], arguments].concat()).out;
    let docs = show(&["docs", "-n", "2"]);
    for told in ["documents", "column text", "--- 0  https://", "--- 1  https://"] {
        assert!(docs.contains(told), "{told}: {docs}");
    }
    assert_eq!(docs.matches("--- ").count(), 2);
    let lines = show(&["docs", "--json", "-n", "3"]);
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    let url = rows[2]["value"]["url"].as_str().unwrap();
    let one = show(&["docs", "--where", &format!("url={url}"), "--json"]);
    assert_eq!(one.trim(), lines.lines().nth(2).unwrap());
    assert!(
        show(&["docs", "--row", "2"])
            .contains(rows[2]["value"]["text"].as_str().unwrap().lines().next().unwrap())
    );

    let talks = show(&["chat.load", "-n", "1"]);
    assert!(talks.contains("user: What is 0?") && talks.contains("assistant: A number, 0."), "{talks}");
    let taught = show(&["chat.load", "-n", "1", "--model", "chat"]);
    assert!(
        taught.contains("<|im_start|>user<|im_sep|>") && taught.contains("+ A number, 0.<|im_end|>  ["),
        "{taught}"
    );
    let tokens = show(&["tokens", "-n", "1"]);
    assert!(
        tokens.contains("vocabulary") && tokens.contains("<|endoftext|>")
            || tokens.contains("more characters"),
        "{tokens}"
    );
    assert!(show(&["base"]).contains("context"), "a model's facts");
    assert!(show(&["vocab", "--row", "65"]).lines().count() >= 2);
    let past = world.llmp(&["show", "docs", "--row", "9999"]);
    assert!(past.code == 1 && past.err.contains("there is no row 9999"), "{}", past.err);
}

#[test]
fn what_was_dropped_has_rule_value_and_text() {
    let world = world();
    world.write("main.llmp", PIPELINE.replace("min_words = 20", "min_words = 90000"));
    world.llmp(&["run", "main.llmp", "--to", "docs"]);
    let dropped = world.ok(&["show", "docs", "--dropped", "-n", "2"]).out;
    for told in ["documents dropped", "gopher.min_words", "--- 0  https://", "gopher.min_words: "] {
        assert!(dropped.contains(told), "{told}: {dropped}");
    }
    let lines =
        world.ok(&["show", "docs", "--dropped", "--rule", "gopher.min_words", "--json", "-n", "1"]).out;
    let row: Value = serde_json::from_str(lines.trim()).unwrap();
    assert!(row["text"].as_str().is_some_and(|text| text.len() > 20), "the text is that of the input: {row}");
    let wrong = world.llmp(&["show", "docs", "--dropped", "--rule", "gopher.min_wrds"]);
    assert!(wrong.code == 1 && wrong.err.contains("did you mean `gopher.min_words`?"), "{}", wrong.err);

    let explained = world.ok(&["explain", "gopher.min_words"]).out;
    for told in ["`filter.quality`", "Rae et al.", "changed by `min_words`", "except = [min_words]"] {
        assert!(explained.contains(told), "{told}: {explained}");
    }
    let unknown = world.llmp(&["explain", "gopher.min_wrods"]);
    assert!(unknown.code == 1 && unknown.err.contains("did you mean `gopher.min_words`?"), "{}", unknown.err);
    assert!(world.ok(&["stages", "filter"]).out.lines().count() >= 4);
    world.write("main.llmp", PIPELINE.replace("min_words = 20", "except = [curly_brackt]"));
    let misspelt = world.llmp(&["check", "main.llmp"]);
    assert!(misspelt.code == 1 && misspelt.err.contains("curly_bracket"), "{}", misspelt.err);
}

#[test]
fn an_index_is_asked() {
    let world = world();
    world.ok(&["run", "main.llmp", "--to", "index"]);
    let found = world.ok(&["search", "alpha", "main.llmp"]);
    assert!(
        found.err.starts_with("index of run 1") && found.out.contains("https://alpha.example/"),
        "{}",
        found.out
    );
    assert_eq!(world.ok(&["search", "index", "alpha", "main.llmp"]).out, found.out);
    let none = world.ok(&["search", "zzzzqqqq"]).out;
    assert_eq!(none, "nothing found\n");
    let wrong = world.llmp(&["search", "docs", "alpha"]);
    assert!(wrong.code == 1 && wrong.err.contains("makes Docs, expected Index"), "{}", wrong.err);
}

#[test]
fn a_chat_through_a_pipe_has_commands_and_takes_any_bytes() {
    let world = world();
    world.ok(&["run", "main.llmp", "--to", "chat"]);
    let talk = |lines: &[u8]| {
        let mut child = world
            .command(&["chat", "-n", "8", "--system", "Be brief."])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines).unwrap();
        let said = child.wait_with_output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let help = talk(b"/help\n/nonsense\n/save\n/retry\n/exit\nWhat is 3?\n");
    for told in ["/system TEXT", "there is no command `/nonsense`", "name a file", "nothing was asked yet"] {
        assert!(help.contains(told), "{told}: {help}");
    }
    assert_eq!(help.lines().count(), 11 + 3, "nothing behind /exit is answered: {help}");
    talk(b"What is \xe4\xbd?\n/retry\n/save talk.saved\n");
    let saved: Value =
        serde_json::from_str(&std::fs::read_to_string(world.path().join("talk.saved")).unwrap()).unwrap();
    let messages = saved["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant"], "the second answer stands in place of the first");
    assert_eq!(messages[1]["content"], "What is \u{fffd}?");
    let loaded = talk(b"/load talk.saved\n/load nothing.jsonl\n");
    assert!(loaded.contains("[3 messages of `talk.saved`]") && loaded.contains("cannot read"), "{loaded}");
}
