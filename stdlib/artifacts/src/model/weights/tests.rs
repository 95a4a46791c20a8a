//! Weights come from where they should, or not at all.

use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use super::*;
use crate::testing::tiny;

/// Values that differ from one to the next.
fn initial(config: &Config, seed: u64) -> Vec<Vec<f32>> {
    let value = |at: usize| ((at as u64 * 7919 + seed) % 1_000) as f32 / 500.0 - 1.0;
    config.parameters().iter().map(|parameter| (0..parameter.len()).map(value).collect()).collect()
}

fn save(folder: &Path, config: &Config, weights: &[Vec<f32>]) -> Result<()> {
    std::fs::write(folder.join("config.json"), config.to_json().to_string()).unwrap();
    let raw: Vec<Vec<u8>> =
        weights.iter().map(|values| values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let parameters = config.parameters();
    let views = parameters.iter().zip(&raw).map(|(parameter, raw)| {
        (parameter.name.clone(), TensorView::new(Dtype::F32, parameter.disk_shape(), raw).unwrap())
    });
    safetensors::serialize_to_file(views, None, &folder.join(WEIGHTS)).unwrap();
    Ok(())
}

fn load(folder: &Path) -> Result<(Config, Vec<Vec<f32>>)> {
    let config = Config::load(folder)?;
    let weights = super::load(&Folder::at(folder), &config)?;
    Ok((config, weights))
}

/// Writes tensors, all of them zero, given by name and shape.
fn zeros(path: &Path, tensors: &[(&str, &[usize])]) {
    let raw: Vec<Vec<u8>> =
        tensors.iter().map(|(_, shape)| vec![0; 4 * shape.iter().product::<usize>()]).collect();
    let views = tensors
        .iter()
        .zip(&raw)
        .map(|((name, shape), raw)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), raw).unwrap()));
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// A folder of a tiny model in two files of 16-bit weights, and its index.
fn two_files(config: &Config, weights: &[Vec<f32>]) -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), config, weights).unwrap();
    std::fs::remove_file(folder.path().join(WEIGHTS)).unwrap();
    let parameters = config.parameters();
    let mut map = serde_json::Map::new();
    for (i, parameter) in parameters.iter().enumerate() {
        map.insert(parameter.name.clone(), format!("model-{}.safetensors", i % 2).into());
    }
    let raw: Vec<Vec<u8>> = weights
        .iter()
        .map(|values| values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect())
        .collect();
    for part in 0..2 {
        let views = parameters.iter().zip(&raw).skip(part).step_by(2).map(|(parameter, raw)| {
            (parameter.name.clone(), TensorView::new(Dtype::BF16, parameter.disk_shape(), raw).unwrap())
        });
        let path = folder.path().join(format!("model-{part}.safetensors"));
        safetensors::serialize_to_file(views, None, &path).unwrap();
    }
    let index = json!({ "weight_map": map });
    std::fs::write(folder.path().join(INDEX), index.to_string()).unwrap();
    (folder, index)
}

#[test]
fn shards_and_half_precision() {
    let config = tiny();
    let weights = initial(&config, 3);
    let (folder, _) = two_files(&config, &weights);
    let (_, found) = load(folder.path()).unwrap();
    for (found, expected) in found.iter().flatten().zip(weights.iter().flatten()) {
        assert!((found - expected).abs() <= expected.abs() / 200.0);
    }
}

#[test]
fn the_index_alone_says_where_a_tensor_is() {
    let config = Config { tied: false, ..tiny() };
    let (folder, index) = two_files(&config, &initial(&config, 3));
    let good = load(folder.path()).unwrap().1;
    // Both files come to hold all tensors; those of the second, where the index names the first, are out of
    // date.
    let all: Vec<(String, Vec<usize>)> = config
        .parameters()
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.disk_shape()))
        .collect();
    let stale: Vec<(&str, &[usize])> =
        all.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    let head = index["weight_map"][HEAD].as_str().unwrap();
    let other = if head == "model-0.safetensors" { "model-1.safetensors" } else { "model-0.safetensors" };
    let elsewhere = "model-2.safetensors";
    std::fs::rename(folder.path().join(other), folder.path().join(elsewhere)).unwrap();
    zeros(&folder.path().join(other), &stale);
    let mut moved = index.clone();
    for (_, file) in moved["weight_map"].as_object_mut().unwrap() {
        if *file == other {
            *file = elsewhere.into();
        }
    }
    // The stale file is named for one norm, which is all zero there.
    moved["weight_map"]["model.norm.weight"] = other.into();
    std::fs::write(folder.path().join(INDEX), moved.to_string()).unwrap();
    let found = load(folder.path()).unwrap().1;
    for ((parameter, found), good) in config.parameters().iter().zip(&found).zip(&good) {
        match parameter.name.as_str() {
            "model.norm.weight" => assert!(found.iter().all(|value| *value == 0.0)),
            name => assert!(found == good, "{name}"),
        }
    }
}

#[test]
fn what_stands_in_no_map_or_twice_is_an_error() {
    let config = Config { tied: false, ..tiny() };
    let (folder, index) = two_files(&config, &initial(&config, 3));
    let message = |index: &str| {
        std::fs::write(folder.path().join(INDEX), index).unwrap();
        load(folder.path()).unwrap_err().to_string()
    };
    let mut without = index.clone();
    without["weight_map"].as_object_mut().unwrap().remove(HEAD);
    assert!(message(&without.to_string()).contains(&format!("`{HEAD}`, which stands nowhere in")));
    let mut wrong = index.clone();
    let other = index["weight_map"]["model.norm.weight"].clone();
    wrong["weight_map"][HEAD] = other;
    assert!(message(&wrong.to_string()).contains(&format!("holds no `{HEAD}`")));
    let mut outside = index.clone();
    outside["weight_map"][HEAD] = json!("../model-0.safetensors");
    assert!(message(&outside.to_string()).contains("outside the folder"));
    let mut absent = index.clone();
    absent["weight_map"][HEAD] = json!("model-7.safetensors");
    assert!(message(&absent.to_string()).contains("holds no `model-7.safetensors`"));
    let twice =
        index.to_string().replacen("{\"weight_map\":{", &format!("{{\"weight_map\":{{\"{HEAD}\":\"x\","), 1);
    assert!(message(&twice).contains(&format!("`{HEAD}` stands there twice")));

    std::fs::write(folder.path().join(INDEX), index.to_string()).unwrap();
    zeros(&folder.path().join(WEIGHTS), &[(HEAD, &[37, 24])]);
    assert!(load(folder.path()).unwrap_err().to_string().contains("names other files"));
}

#[test]
fn tensors_of_another_model_are_refused() {
    let config = Config { qk_norm: false, ..tiny() };
    let (folder, weights) = (tempfile::tempdir().unwrap(), initial(&config, 3));
    let write = |extra: &str, shape: &[usize], raw: &[f32]| {
        save(folder.path(), &config, &weights).unwrap();
        let all = config.parameters();
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let raws: Vec<Vec<u8>> = weights.iter().map(|values| bytes(values)).collect();
        let extra_raw = bytes(raw);
        let mut views: Vec<(String, TensorView<'_>)> = all
            .iter()
            .zip(&raws)
            .map(|(p, raw)| (p.name.clone(), TensorView::new(Dtype::F32, p.disk_shape(), raw).unwrap()))
            .collect();
        views.push((extra.into(), TensorView::new(Dtype::F32, shape.to_vec(), &extra_raw).unwrap()));
        safetensors::serialize_to_file(views, None, &folder.path().join(WEIGHTS)).unwrap();
        load(folder.path()).map(drop).map_err(|error| error.to_string())
    };
    for (name, part) in [
        ("model.layers.0.self_attn.q_proj.bias", "a bias"),
        ("model.layers.0.self_attn.q_norm.weight", "no part of the model"),
        ("model.layers.2.input_layernorm.weight", "no part of the model"),
        ("model.layers.0.self_attn.q_proj.lora_A.weight", "no part of the model"),
    ] {
        let error = write(name, &[2], &[0.0; 2]).unwrap_err();
        assert!(error.contains(name) && error.contains(part), "{error}");
    }
    assert_eq!(write("model.layers.0.self_attn.rotary_emb.inv_freq", &[3], &[1.0; 3]), Ok(()));
    assert_eq!(write(HEAD, &[37, 24], &weights[0]), Ok(()));
    let error = write(HEAD, &[37, 24], &vec![1.0; 37 * 24]).unwrap_err();
    assert!(error.contains("not the table of embeddings"), "{error}");
}

#[test]
fn damaged_files_are_refused() {
    let (config, folder) = (tiny(), tempfile::tempdir().unwrap());
    save(folder.path(), &config, &initial(&config, 3)).unwrap();
    let path = folder.path().join(WEIGHTS);
    let good = std::fs::read(&path).unwrap();
    let message = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        load(folder.path()).unwrap_err().to_string()
    };
    assert!(message(&good[..5]).contains("ends before its header"));
    assert!(message(&good[..good.len() - 4]).contains("does not fit"));
    let mut long = good.clone();
    long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(message(&long).contains("header"));
    std::fs::write(&path, &good).unwrap();
    let wider = Config { mlp_width: 64, ..config };
    std::fs::write(folder.path().join("config.json"), wider.to_json().to_string()).unwrap();
    assert!(load(folder.path()).unwrap_err().to_string().contains("expected [64, 24]"));
}

#[test]
fn other_forms_of_weights_are_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), tiny().to_json().to_string()).unwrap();
    assert!(load(folder.path()).unwrap_err().to_string().contains("neither"));
    std::fs::write(folder.path().join("pytorch_model.bin"), "").unwrap();
    assert!(load(folder.path()).unwrap_err().to_string().ends_with("only `pytorch_model.bin`"));
}
