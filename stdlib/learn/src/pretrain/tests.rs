use llmp_artifacts::tokens::{Dtype, TokenWriter, TokensInfo};
use llmp_stage::Known;
use llmp_stage::testing::TestContext;
use serde_json::{Value, json};

use super::*;

fn settings() -> Value {
    json!({
        "model": {
            "depth": null, "layers": 1, "width": 16, "heads": 2, "kv_heads": null, "head_width": null, "mlp": null,
            "context": 8, "rope_theta": 10000.0, "qk_norm": true, "tie_embeddings": true
        },
        "for": 900, "batch": 3, "packing": "stream", "on_spike": "note", "optimizer": "muon", "lr": 0.05, "embedding_lr": 6e-3, "schedule": "linear",
        "decay": 0.2, "held_out_every": 0.25, "held_out_tokens": 1000, "held_out_stop": null, "warmup": null, "final_lr": 0.1, "weight_decay": 0.05, "clip": 1.0, "seed": 1, "checkpoint_every": 0
    })
}

/// Documents of 2 to 8 tokens: document `d` is `d + 1`, repeated, and the end of text.
fn context(root: &std::path::Path) -> TestContext {
    let folder = root.join("tokens");
    std::fs::create_dir_all(&folder).unwrap();
    let info = TokensInfo { dtype: Dtype::Uint16, vocab_size: 30, eot: 0 };
    info.save(&folder).unwrap();
    for (shard, documents) in [("a", 0..9u32), ("b", 9..20)] {
        let mut writer = TokenWriter::create(&folder, shard, info).unwrap();
        for document in documents {
            writer.document(&vec![document + 1; 1 + document as usize % 7]).unwrap();
        }
        writer.finish().unwrap();
    }
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::write(folder.join(name), "{}").unwrap();
    }
    TestContext::new(root).with_folder("tokens", &folder)
}

#[test]
fn every_pass_has_every_document_in_another_order() {
    let root = tempfile::tempdir().unwrap();
    let ctx = context(root.path());
    let settings = Settings::deserialize(settings()).unwrap();
    let tokens = TokenSet::open(ctx.input("tokens").unwrap()).unwrap();
    let total = tokens.tokens() as usize;
    let config = settings.model.config(30, 0).unwrap();
    let rows = Rows::new(tokens, &settings, &config).unwrap();
    assert_eq!((rows.steps, Batches::tokens(&rows)), (38, Some(912)));
    let mut stream = Vec::new();
    for step in 0..rows.steps {
        for row in rows.batch(step).unwrap() {
            assert_eq!(row.tokens.len(), 9);
            assert!(stream.last().is_none_or(|last| *last == row.tokens[0]));
            stream.pop();
            stream.extend(row.tokens);
        }
    }
    let passes: Vec<&[u32]> = stream.chunks_exact(total).collect();
    let sorted = |pass: &[u32]| {
        let mut pass = pass.to_vec();
        pass.sort_unstable();
        pass
    };
    assert!(passes.len() > 5 && passes.iter().all(|pass| sorted(pass) == sorted(passes[0])));
    assert_ne!(passes[0], passes[1]);
    for document in passes[1].split(|id| *id == 0) {
        let expected = document.first().map_or(0, |id| 1 + (*id as usize - 1) % 7);
        assert!(document.iter().all(|id| *id == document[0]) && document.len() == expected);
    }
    assert_eq!(rows.batch(3).unwrap(), rows.batch(3).unwrap());
}

#[test]
fn trains_a_model() {
    let root = tempfile::tempdir().unwrap();
    let ctx = context(root.path());
    let stages = crate::stages();
    let stage = stages.iter().find(|stage| stage.name() == "pretrain").unwrap();
    stage.check_settings(&settings()).unwrap();
    let cost = stage.cost(&settings(), &Inputs::default()).unwrap();
    assert!(cost.tokens == Some(900) && cost.flops.unwrap() > 0.0 && cost.memory.unwrap() > 0);
    let mut longer = settings();
    longer["for"] = json!({"parameters": 20.0});
    let known =
        Inputs([("tokens".to_owned(), vec![Known { vocabulary: Some(30), ..Known::default() }])].into());
    let cost = stage.cost(&longer, &known).unwrap();
    let (tokens, parameters) = (cost.tokens.unwrap(), cost.parameters.unwrap());
    assert!(tokens >= 20 * parameters && tokens < 20 * parameters + 24, "{cost:?}");
    stage.run(&ctx, &settings()).unwrap();
    let points = ctx.points.lock().unwrap();
    let losses: Vec<f64> =
        points.iter().filter(|(curve, ..)| curve == "loss").map(|(.., loss)| *loss).collect();
    assert!(*losses.last().unwrap() < 0.9 * losses[0], "{losses:?}");
    assert_eq!(points.len(), 2 * losses.len(), "each with the norm of its gradient");
    let sampler = llmp_model::Sampler::load(ctx.output(), "cpu").unwrap();
    assert_eq!((sampler.config().vocabulary, &sampler.config().eos[..]), (30, &[0][..]));
}

/// A change of this output needs a new `epoch` in `pretrain.llmp`. The loss is compared loosely: the last
/// digits of trained weights belong to the processor.
#[test]
fn epoch_2() {
    let root = tempfile::tempdir().unwrap();
    let ctx = context(root.path());
    let settings = Settings::deserialize(settings()).unwrap();
    let tokens = TokenSet::open(ctx.input("tokens").unwrap()).unwrap();
    let config = settings.model.config(30, 0).unwrap();
    let rows = Rows::new(tokens, &settings, &config).unwrap();
    let mut digest = blake3::Hasher::new();
    for step in 0..rows.steps {
        let ids: Vec<u8> = rows
            .batch(step)
            .unwrap()
            .iter()
            .flat_map(|row| &row.tokens)
            .flat_map(|id| id.to_le_bytes())
            .collect();
        digest.update(&ids);
    }
    for value in llmp_model::initial(&config, settings.seed).iter().flatten() {
        digest.update(&value.to_le_bytes());
    }
    digest.update(config.to_json().to_string().as_bytes());
    assert_eq!(&digest.finalize().to_hex()[..16], "7e298f5193992082");
    run(&ctx, settings).unwrap();
    let last = ctx.points.lock().unwrap().last().unwrap().2;
    assert!((last - 2.607_77).abs() < 1e-3, "{last}");
}

/// A set of tokens with a tokenizer of `ranks` ids and special ones: `documents` documents from number
/// `first` on.
fn set_of(ranks: usize, folder: &std::path::Path, first: u32, documents: u32) {
    std::fs::create_dir_all(folder).unwrap();
    let all = Tokenizer::cl100k().to_tiktoken().unwrap();
    let ranks: String = all.lines().take(ranks).map(|line| format!("{line}\n")).collect();
    let tokenizer = Tokenizer::from_tiktoken(&ranks, llmp_artifacts::tokenizer::Pattern::Gpt2).unwrap();
    tokenizer.save(folder).unwrap();
    let eot = tokenizer.special("<|endoftext|>").unwrap();
    let info = TokensInfo { dtype: Dtype::Uint16, vocab_size: tokenizer.vocab_size(), eot };
    info.save(folder).unwrap();
    let mut writer = TokenWriter::create(folder, &format!("from-{first}"), info).unwrap();
    for document in first..first + documents {
        writer.document(&vec![document % 200 + 1; 3 + document as usize % 5]).unwrap();
    }
    writer.finish().unwrap();
}

fn set(folder: &std::path::Path, first: u32, documents: u32) {
    set_of(292, folder, first, documents);
}

fn with(changes: Value) -> Settings {
    let mut value = settings();
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    Settings::deserialize(value).unwrap()
}

#[test]
fn what_is_held_out_is_never_trained_on() {
    let root = tempfile::tempdir().unwrap();
    let [train, valid] = ["train", "valid"].map(|name| root.path().join(name));
    set(&train, 0, 40);
    set(&valid, 100, 10);
    let plain = TestContext::new(&root.path().join("plain")).with_folder("tokens", &train);
    let without = run(&plain, with(json!({"for": 4000}))).map(|()| weights(&plain)).unwrap();
    let ctx = TestContext::new(&root.path().join("held"));
    let ctx = ctx.with_folder("tokens", &train).with_folder("held_out", &valid);
    run(&ctx, with(json!({"for": 4000}))).unwrap();
    assert!(weights(&ctx) == without, "what is held out changed the weights");
    assert!(ctx.counted("held_out.tokens") > 20);
    let measures = ctx.measures.lock().unwrap();
    // Documents that were never seen are predicted worse than those that were.
    assert!(measures["held-out loss"] > measures["loss"] + 0.5, "{measures:?}");
    assert!(measures["held-out bits per byte"] > 0.0);

    let same = TestContext::new(&root.path().join("same"));
    let same = same.with_folder("tokens", &train).with_folder("held_out", &train);
    let error = run(&same, with(json!({}))).unwrap_err();
    assert!(error.to_string().contains("trains on, too: the shard `from-0"), "{error}");
}

#[test]
fn training_goes_on_from_a_model() {
    let root = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| root.path().join(name));
    set(&first, 0, 40);
    set(&second, 100, 40);
    let base = TestContext::new(&root.path().join("base")).with_folder("tokens", &first);
    run(&base, with(json!({}))).unwrap();
    let more = TestContext::new(&root.path().join("more"));
    let more = more.with_folder("tokens", &second).with_folder("from", base.output());
    // Its shape is that of the model, whatever the settings say.
    let wide = json!({"model": {
        "depth": null, "layers": 3, "width": 32, "heads": 2, "kv_heads": null, "head_width": null, "mlp": null,
        "context": 16, "rope_theta": 10000.0, "qk_norm": true, "tie_embeddings": true}});
    run(&more, with(wide)).unwrap();
    let [old, new] = [&base, &more].map(|ctx| Config::load(ctx.output()).unwrap());
    assert_eq!(old, new);
    let firsts = more.points.lock().unwrap()[0].2;
    let fresh = TestContext::new(&root.path().join("fresh")).with_folder("tokens", &second);
    run(&fresh, with(json!({}))).unwrap();
    assert!(weights(&more) != weights(&fresh) && firsts != fresh.points.lock().unwrap()[0].2);
    // And on from that.
    let third = TestContext::new(&root.path().join("third"));
    let third = third.with_folder("tokens", &first).with_folder("from", more.output());
    run(&third, with(json!({"for": {"epochs": 2}}))).unwrap();
    assert!(third.counted("steps") > 5);

    let foreign = root.path().join("foreign");
    set_of(280, &foreign, 0, 20);
    let other = TestContext::new(&root.path().join("other"));
    let other = other.with_folder("tokens", &foreign).with_folder("from", base.output());
    let error = run(&other, with(json!({}))).unwrap_err();
    assert_eq!(error.to_string(), "`from` and `tokens` are of different vocabularies");
}

fn weights(ctx: &TestContext) -> Vec<u8> {
    std::fs::read(ctx.output().join("model.safetensors")).unwrap()
}

#[test]
fn shapes_that_do_not_divide_are_errors() {
    let mut value = settings();
    value["model"]["heads"] = json!(3);
    let root = tempfile::tempdir().unwrap();
    let error = run(&context(root.path()), Settings::deserialize(value).unwrap()).unwrap_err();
    assert!(error.to_string().contains("cannot be divided among 3 heads"));
}

#[test]
fn what_is_wrong_with_a_shape_is_found_before_it_runs() {
    let found = |changes: &[(&str, Value)]| {
        let mut value = settings();
        for (field, changed) in changes {
            value["model"][field] = changed.clone();
        }
        let lints = lint(&Settings::deserialize(value).unwrap());
        lints.iter().map(|lint| (lint.code, lint.path.join("."))).collect::<Vec<_>>()
    };
    let heads = |path: &str| vec![("E0301", path.to_owned())];
    assert!(found(&[]).is_empty());
    assert_eq!(found(&[("heads", json!(3))]), heads("model.width"), "16 is not divided by 3");
    assert!(found(&[("heads", json!(3)), ("head_width", json!(8))]).is_empty());
    assert_eq!(found(&[("head_width", json!(7))]), heads("model.width"), "positions turn pairs");
    assert_eq!(found(&[("heads", json!(16))]), heads("model.width"), "a head of one number");
    assert_eq!(found(&[("heads", json!(4)), ("kv_heads", json!(3))]), heads("model.kv_heads"));
    assert!(found(&[("heads", json!(4)), ("kv_heads", json!(2))]).is_empty());
    assert_eq!(found(&[("context", json!(4_096))]), [("W0104", "for".to_owned())], "less than a step");
}

#[test]
fn a_depth_sets_what_is_not_written() {
    let of = |changes: Value| {
        let mut value = settings();
        for name in ["layers", "width", "heads", "context"] {
            value["model"][name] = Value::Null;
        }
        for name in ["for", "batch", "lr", "embedding_lr"] {
            value[name] = Value::Null;
        }
        value["model"]["depth"] = json!(12);
        for (path, change) in changes.as_object().unwrap() {
            *value.pointer_mut(path).unwrap() = change.clone();
        }
        Settings::deserialize(value).unwrap()
    };
    let all = of(json!({}));
    let config = all.model.config(32_768, 0).unwrap();
    assert_eq!((config.layers, config.width, config.heads, config.context), (12, 768, 6, 2_048));
    assert_eq!((all.batch, all.lr, all.embedding_lr), (53, 0.02, 0.0027));
    assert_eq!(all.r#for, Horizon::Tokens(1_698_693_120));
    assert!(lint(&all).is_empty());
    let cost = cost(&all, &Inputs::default());
    let follows = cost.follows.unwrap();
    assert!(
        follows.starts_with("depth 12: 12 layers, width 768, heads = 6, context 2048; batch = 53, "),
        "{follows}"
    );

    // What is written stays, and the rest follows from it.
    let shallow = of(json!({"/model/layers": 3, "/model/width": 256}));
    assert_eq!((shallow.model.heads, shallow.r#for), (2, Horizon::Tokens(20 * 12 * 3 * 256 * 256)));
    let short = of(json!({"/for": 1_000_000, "/model/context": 512}));
    assert_eq!((short.batch, short.r#for), (3, Horizon::Tokens(1_000_000)));
    let adamw = of(json!({"/optimizer": "adamw", "/batch": 7, "/for": {"parameters": 2.0}}));
    assert_eq!((adamw.batch, adamw.lr, adamw.embedding_lr), (7, 0.0027, 0.0027));
    assert_eq!(of(json!({"/lr": 0.1})).lr, 0.1);

    // Without a depth it is as it always was, and somebody has to say how long.
    let none = of(json!({"/model/depth": null, "/for": 900}));
    let Shape { layers, width, heads, context, .. } = none.model;
    assert_eq!((layers, width, heads, context), (4, 96, 3, 96));
    assert_eq!((none.batch, none.lr, none.embedding_lr, none.follows()), (8, 0.05, 0.006, None));
    let endless = lint(&of(json!({"/model/depth": null})));
    // What is left out stands in the graph as what it comes to.
    assert_eq!(complete(&all)["for"], 1_698_693_120_u64);
    assert_eq!(complete(&none)["model"], json!({"layers": 4, "width": 96, "heads": 3, "context": 96}));
    assert_eq!(complete(&none)["lr"], 0.05);
    assert_eq!((endless.len(), endless[0].code, endless[0].path), (1, "E0209", &["for"][..]));
}

#[test]
fn documents_are_packed_whole() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("set");
    set(&folder, 0, 60);
    let rows_of = |packing: &str| {
        let ctx = TestContext::new(&root.path().join(packing)).with_folder("tokens", &folder);
        let settings = with(json!({"packing": packing, "for": {"epochs": 1}}));
        let tokens = TokenSet::open(ctx.input("tokens").unwrap()).unwrap();
        let config = settings.model.config(300, 0).unwrap();
        let rows = Rows::new(tokens, &settings, &config).unwrap();
        let all: Vec<Vec<Row>> = (0..rows.steps).map(|step| rows.batch(step).unwrap()).collect();
        let again: Vec<Vec<Row>> = (0..rows.steps).rev().map(|step| rows.batch(step).unwrap()).collect();
        assert!(all.iter().eq(again.iter().rev()), "a function of the step");
        (ctx, settings, all.into_iter().flatten().collect::<Vec<Row>>())
    };
    let (_, _, documents) = rows_of("documents");
    assert!(documents.iter().all(|row| row.tokens.len() <= 9));
    let full = documents.iter().filter(|row| row.tokens.len() == 9).count();
    // Twelve documents of each length from 4 to 8: fours and fives fill rows, the others have one each.
    assert_eq!((full, documents.len()), (12, 48));
    let (ctx, settings, apart) = rows_of("apart");
    // A document is one number, repeated, and the end of text: no row holds two of them.
    for row in &apart {
        let mut ids: Vec<u32> = row.tokens.clone();
        ids.dedup();
        assert!(ids.len() <= 2, "{:?}", row.tokens);
    }
    run(&ctx, settings).unwrap();
    let (_, _, stream) = rows_of("stream");
    assert!(stream.iter().all(|row| row.tokens.len() == 9));
    let lines = ctx.lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.starts_with("packed into ")), "{lines:?}");
    assert_eq!(ctx.counted("documents.cut"), 0);
}
