//! `examples/chinese`: from Chinese pages to bytes a token.

use std::path::Path;

use serde_json::Value;

use crate::world::World;

#[test]
fn the_example_does_what_its_page_says() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/chinese");
    let world = World::new();
    for name in ["chinese.llmp", "web/web-00.warc.gz", "web/web-01.warc.gz"] {
        world.write(name, std::fs::read(example.join(name)).unwrap());
    }
    assert!(world.ok(&["check", "chinese.llmp"]).out.contains("no mistakes"));
    world.ok(&["run", "chinese.llmp", "--to", "tight"]);
    let look: Value =
        serde_json::from_str(&world.ok(&["look", "docs/filter.quality", "chinese.llmp", "--json"]).out)
            .unwrap();
    assert_eq!((&look["kept"], &look["dropped"]), (&376.into(), &60.into()));
    let readme = std::fs::read_to_string(example.join("README.md")).unwrap();
    assert!(
        readme.contains("436 in Chinese, 376 that read like text") && readme.contains("337 without copies")
    );
    let report = world.ok(&["report", "--json"]).out;
    let report: Value = serde_json::from_str(&report).unwrap();
    let stage = |name: &str| {
        let stages = report["stages"].as_array().unwrap();
        stages.iter().find(|stage| stage["name"] == name).unwrap().clone()
    };
    assert_eq!(stage("docs")["counts"]["documents"], 337);
    assert!(stage("docs/filter.pii")["counts"].to_string().contains("phone"), "{}", stage("docs/filter.pii"));
}
