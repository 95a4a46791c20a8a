//! Data pipelines: what runs, what does not, and what is said about bad input.

use crate::world::{World, warc};

const PIPELINE: &str = r#"
// Pages to documents.
docs = crawl.warc("web/*.warc")
  |> filter.urls { block = [adult] }
  |> extract.text
  |> filter.pii { mask = [email] }
"#;

fn world() -> World {
    let world = World::new();
    world.write("main.llmp", PIPELINE);
    for site in ["alpha", "beta", "gamma"] {
        world.write(&format!("web/{site}.warc"), warc(site, 4));
    }
    world
}

#[test]
fn only_what_depends_on_an_edit_runs() {
    let world = world();
    let all = ["docs/crawl.warc", "docs/filter.urls", "docs/extract.text", "docs"];
    assert_eq!(world.planned("main.llmp"), all);
    let first = world.ok(&["run", "main.llmp", "--format", "json"]);
    assert_eq!(world.ran(&first), all);
    assert!(world.result("docs").is_dir());

    let again = world.ok(&["run", "main.llmp"]);
    assert!(again.out.contains("nothing to do"), "{}", again.out);

    // Comments, order, formatting and names count for nothing.
    let same = "pages = crawl.warc(\"web/*.warc\") |> filter.urls {\n  block=[adult], }\n\
                other = pages |> extract.text |> filter.pii {mask=[ email ]} // the same\n";
    world.write("main.llmp", same);
    let renamed = world.ok(&["run", "main.llmp"]);
    assert!(renamed.out.contains("nothing to do"), "{}", renamed.out);

    world.write("main.llmp", PIPELINE.replace("[email]", "[email, phone]"));
    assert_eq!(world.planned("main.llmp"), ["docs"]);
    assert_eq!(world.llmp(&["plan", "main.llmp"]).code, 0, "work is no failure");
    let plan = world.llmp(&["plan", "main.llmp", "--detailed-exitcode"]);
    assert_eq!(plan.code, 2);
    assert!(plan.out.contains("mask [email] → [email, phone]"), "{}", plan.out);
    assert!(plan.out.contains("main.llmp:6:"), "{}", plan.out);
    let edited = world.ok(&["run", "main.llmp", "--format", "json"]);
    assert_eq!(world.ran(&edited), ["docs"]);
    assert_eq!(world.llmp(&["plan", "main.llmp", "--detailed-exitcode"]).code, 0);
}

#[test]
fn shards_of_which_nothing_is_left_have_results_of_their_own() {
    let world = World::new();
    let prose = [
        "The river lies near the old bridge, and people of the town walk there in the evening with their friends.",
        "A small market opens on the square every spring, where farmers sell bread, cheese and early fruit.",
        "Behind the library stands a school that was built by hand and still has its wooden floor.",
        "When the snow melts, the road to the harbour is often closed, so that letters have to wait for a week.",
    ];
    let row = |sentences: usize| format!("{{\"text\": \"{}\"}}\n", prose[..sentences].join(" "));
    world.write("a.jsonl", row(1));
    world.write("b.jsonl", row(4));
    let program = |least: u32| {
        format!(
            "docs = crawl.docs(\"*.jsonl\")\n  |> filter.quality {{ rules = [gopher], min_words = {least} }}\n  \
             |> filter.pii {{ mask = [email] }}\n"
        )
    };
    // Both shards are empty, and so equal.
    world.write("main.llmp", program(500));
    world.ok(&["run", "main.llmp"]);
    // One is not any more; the other one's result is not taken for it.
    for least in [40, 10, 500, 40] {
        world.write("main.llmp", program(least));
        world.ok(&["run", "main.llmp"]);
        assert_eq!(std::fs::read_dir(world.result("docs")).unwrap().count(), 2, "{least}");
    }
}

#[test]
fn a_new_file_costs_its_own_share() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    world.write("web/delta.warc", warc("delta", 4));
    let run = world.ok(&["run", "main.llmp", "--format", "json"]);
    assert_eq!(
        world.ran(&run),
        ["docs/crawl.warc 1/4", "docs/filter.urls 1/4", "docs/extract.text 1/4", "docs 1/4"]
    );
}

#[test]
fn broken_warcs_end_in_clear_messages() {
    let world = world();
    let whole = warc("cut", 4);
    world.write("web/cut.warc", &whole.as_bytes()[..whole.len() * 3 / 4]);
    let run = world.ok(&["run", "main.llmp", "--format", "json"]);
    assert!(run.out.contains("skipped."), "{}", run.out);

    world.write("web/none.warc", "this is no WARC file at all\n".repeat(50));
    let run = world.llmp(&["run", "main.llmp"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("web/none.warc"), "{}", run.err);
    assert!(!run.err.contains("panicked"), "{}", run.err);
}

#[test]
fn a_plan_can_be_kept_and_is_refused_when_stale() {
    let world = world();
    assert_eq!(world.llmp(&["plan", "main.llmp", "--out", "plan.json", "--detailed-exitcode"]).code, 2);
    world.write("main.llmp", PIPELINE.replace("[email]", "[phone]"));
    let stale = world.llmp(&["run", "main.llmp", "--plan", "plan.json"]);
    assert_eq!(stale.code, 1);
    assert!(stale.err.contains("stale"), "{}", stale.err);
    world.write("main.llmp", PIPELINE);
    world.ok(&["run", "main.llmp", "--plan", "plan.json"]);
}

#[test]
fn damage_is_found_and_repaired() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    assert_eq!(world.llmp(&["verify"]).code, 0);
    let document = std::fs::read_dir(world.result("docs")).unwrap().next().unwrap().unwrap().path();
    let digest = std::fs::read(&document).map(|bytes| blake3::hash(&bytes).to_hex().to_string()).unwrap();
    let object = world.path().join(".llmp/objects").join(&digest[..2]).join(&digest[2..]);
    let mut bytes = std::fs::read(&object).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, bytes).unwrap();
    let verify = world.llmp(&["verify"]);
    assert_eq!(verify.code, 1);
    assert!(verify.out.contains("needs it: docs"), "{}", verify.out);
    let run = world.ok(&["run", "main.llmp", "--format", "json"]);
    // No address stood in that page, so masking left it as it was: both stages share the object.
    assert_eq!(world.ran(&run), ["docs/extract.text 1/3", "docs 1/3"]);
    assert_eq!(world.llmp(&["verify"]).code, 0);
}

#[test]
fn two_runs_share_the_work() {
    let world = world();
    let start = || {
        world
            .command(&["run", "main.llmp", "--format", "json"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (one, two) = (start(), start());
    let outputs = [one.wait_with_output().unwrap(), two.wait_with_output().unwrap()];
    let finished: usize = outputs
        .iter()
        .map(|output| {
            assert!(output.status.success());
            String::from_utf8_lossy(&output.stdout).matches("stage_finished").count()
        })
        .sum();
    assert_eq!(finished, 4, "each stage once");
}

#[test]
fn a_users_own_program_is_a_stage() {
    let world = world();
    world.write(
        "shout.sh",
        "for f in \"$LLMP_INPUT_DOCS\"/*; do cp \"$f\" \"$LLMP_OUTPUT\"/; done; echo done\n",
    );
    let stage = "stage my.copy(docs: Docs) -> Docs { run = [\"sh\", \"shout.sh\"] }\n";
    world
        .write("main.llmp", format!("{stage}docs = crawl.warc(\"web/*.warc\") |> extract.text |> my.copy\n"));
    world.ok(&["run", "main.llmp"]);
    assert!(world.ok(&["log", "docs"]).out.contains("done"));
    assert!(world.planned("main.llmp").is_empty());
    world.write("shout.sh", "cp \"$LLMP_INPUT_DOCS\"/* \"$LLMP_OUTPUT\"/\n");
    assert_eq!(world.planned("main.llmp"), ["docs"], "the program's text counts");
}

#[test]
fn many_small_files_are_few_objects_and_no_page_is_lost() {
    let world = World::new();
    let page = |number: usize| {
        let text =
            format!("This is page {number}, which says enough about one thing to be taken for its text. ")
                .repeat(4);
        format!("<html><body><article><p>{text}</p></article></body></html>")
    };
    (0..300).for_each(|number| world.write(&format!("site/{number}.html"), page(number)));
    // The same content under another name is a page of its own.
    world.write("site/copy.html", page(0));
    world.write("site/style.css", "p {}");
    world.write("main.llmp", "docs = crawl.html(\"site\") |> extract.text\n");
    let said = world.ok(&["run", "main.llmp"]);
    assert!(said.err.contains("301 pages · 1 skipped"), "{}", said.err);
    assert!(said.err.contains("301 documents"), "{}", said.err);
    let objects = || {
        let folders = std::fs::read_dir(world.path().join(".llmp/objects")).unwrap();
        folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum::<usize>()
    };
    assert!(objects() <= 40, "{} objects", objects());

    world.write("site/new.html", page(1_000));
    let said = world.ok(&["run", "main.llmp", "--format", "json"]);
    let ran = world.ran(&said);
    assert_eq!(ran.len(), 2, "{ran:?}");
    for stage in &ran {
        let (some, all) = stage.rsplit(' ').next().unwrap().split_once('/').unwrap();
        let (some, all): (usize, usize) = (some.parse().unwrap(), all.parse().unwrap());
        assert!(some <= 2 && all >= 3, "one page more is one bundle's work: {stage}");
    }
}

#[test]
fn what_had_nothing_to_do_is_known_without_compiling_it_until_something_changes() {
    let world = world();
    let run = || world.ok(&["run", "main.llmp"]);
    let kept = world.path().join(".llmp/idle");
    run();
    assert!(kept.exists(), "a run that did all its work knows that nothing is left");
    assert!(run().out.contains("nothing to do: all 4 stages are up to date"));
    let told = world.ok(&["run", "main.llmp", "--format", "json"]);
    assert!(
        told.out.contains("\"status\":\"nothing_to_do\"") && told.out.contains("\"cached\":4"),
        "{}",
        told.out
    );

    let with = world.ok(&["run", "main.llmp", "--set", "docs.mask=[phone]", "--format", "json"]);
    assert_eq!(world.ran(&with), ["docs"], "other settings are another question");
    assert!(run().out.contains("nothing to do"));
    world.write("web/delta.warc", warc("delta", 4));
    let more = world.ok(&["run", "main.llmp", "--format", "json"]);
    assert_eq!(world.ran(&more).len(), 4);
    std::fs::remove_dir_all(&kept).unwrap();
    assert!(run().out.contains("nothing to do"), "it may be deleted");
}

/// A run follows the write at once: sizes and, mostly, times are what they were.
#[test]
fn an_edit_within_the_grain_of_time_is_never_missed() {
    let world = World::new();
    world.write(
        "stage.sh",
        "for f in \"$LLMP_INPUT_FROM\"/*; do cat \"$f\" > \"$LLMP_OUTPUT/conversations.jsonl\"; done\n",
    );
    let program = |number: usize| {
        format!(
            "stage own(from: Files) -> Conversations {{ run = [\"sh\", \"stage.sh\"], number: Int = 10 }}\n\
             talk = own(\"talk.jsonl\") {{ number = {} }}\n",
            10 + number % 90
        )
    };
    world.write("main.llmp", program(0));
    let mut runs = 0;
    for turn in 0..60 {
        let talk = format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{turn:02}\"}},{{\"role\":\"assistant\",\"content\":\"!\"}}]}}\n"
        );
        match turn % 3 {
            // Files of the user, the program's text, and nothing.
            0 => world.write("talk.jsonl", &talk),
            1 => world.write("main.llmp", program(turn)),
            _ => {}
        }
        let said = world.ok(&["run", "main.llmp", "--format", "json"]);
        let ran = world.ran(&said).len();
        assert_eq!(ran, usize::from(turn % 3 < 2), "turn {turn}: {}", said.out);
        runs += ran;
    }
    assert_eq!(runs, 40);
}
