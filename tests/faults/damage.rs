//! Objects and ledgers that are not what they were.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::pipeline::{Finished, Random, events, finish, fresh, objects, results, times, undisturbed, works};
use crate::world::World;

/// A world in which the pipeline has been run.
fn done() -> World {
    static ONCE: OnceLock<World> = OnceLock::new();
    let template = ONCE.get_or_init(|| {
        let world = fresh();
        world.ok(&["run", "main.llmp"]);
        world
    });
    let world = World::new();
    let (from, to) = (template.path().join("."), world.path().to_string_lossy().into_owned());
    assert!(works("cp", &["-a", &from.to_string_lossy(), &to]));
    // The results' folder has a name made from the pipeline's path below the store's folder, which is the
    // same here.
    world
}

/// What a run with another seed gives undisturbed.
fn other_seed() -> &'static BTreeMap<String, String> {
    static ONCE: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    ONCE.get_or_init(|| {
        let world = fresh();
        world.ok(&["run", "main.llmp", "--set", "base.seed=2"]);
        results(&world.path().join(".llmp"))
    })
}

#[derive(Clone, Copy, Debug)]
enum Harm {
    Flip,
    Cut,
    Empty,
    Gone,
}

fn harm(path: &Path, harm: Harm, random: &mut Random) {
    let mut bytes = fs::read(path).expect("an object");
    // Removed first: results are links to the same file, and what is harmed here is the store.
    fs::remove_file(path).expect("remove");
    match harm {
        Harm::Flip => {
            let at = random.below(bytes.len() as u64) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        Harm::Cut => bytes.truncate(random.below(bytes.len() as u64) as usize),
        Harm::Empty => bytes.clear(),
        Harm::Gone => return,
    }
    fs::write(path, bytes).expect("write");
}

/// Whatever is damaged: a run that needs it says so and makes it again within that run; `verify` finds the
/// rest.
#[test]
fn damaged_objects_are_named_and_made_again_in_the_same_run() {
    let mut random = Random::new(3);
    let count = objects(&done().path().join(".llmp")).len();
    let mut met = 0;
    for round in 0..times(10).min(4 * count) {
        let world = done();
        let store = world.path().join(".llmp");
        let all = objects(&store);
        let kind = [Harm::Flip, Harm::Cut, Harm::Empty, Harm::Gone][round % 4];
        let victims = 1 + random.below(3);
        let mut hurt = Vec::new();
        for _ in 0..victims {
            let (name, path) = &all[random.below(all.len() as u64) as usize];
            if path.exists() && !hurt.contains(name) {
                harm(path, kind, &mut random);
                hurt.push(name.clone());
            }
        }
        let said = world.llmp(&["run", "main.llmp", "--set", "base.seed=2"]);
        assert_eq!(said.code, 0, "{kind:?} {hurt:?}\n{}\n{}", said.out, said.err);
        let found = results(&store);
        assert_eq!(found, *other_seed(), "{kind:?} {hurt:?}\n{}", said.err);
        for event in events(&store).iter().filter(|event| event["event"] == "damage") {
            met += 1;
            let object = event["object"].as_str().unwrap_or_default();
            assert!(hurt.iter().any(|name| name == object), "{object} was not hurt");
            assert!(said.err.contains(object), "{}", said.err);
        }
        world.llmp(&["verify"]);
        world.ok(&["run", "main.llmp"]);
        assert_eq!(results(&store), undisturbed().files, "{kind:?} {hurt:?}");
        assert_eq!(world.llmp(&["verify"]).code, 0, "{kind:?} {hurt:?}");
    }
    assert!(met > 0, "no run met any damage");
    println!("{met} damaged objects were met by runs");
}

#[test]
fn everything_damaged_at_once_is_made_again() {
    let mut random = Random::new(4);
    let world = done();
    let store = world.path().join(".llmp");
    for (_, path) in objects(&store) {
        harm(&path, Harm::Flip, &mut random);
    }
    let said = world.llmp(&["run", "main.llmp", "--set", "base.seed=2"]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    assert_eq!(results(&store), *other_seed());
}

#[test]
fn a_ledger_cut_anywhere_loses_only_what_stood_behind() {
    let mut random = Random::new(5);
    let template = done();
    let bytes = fs::read(template.path().join(".llmp/ledger")).expect("a ledger");
    for _ in 0..times(6).min(200) {
        let world = done();
        let store = world.path().join(".llmp");
        let cut = random.below(bytes.len() as u64 + 1) as usize;
        fs::write(store.join("ledger"), bytes.get(..cut).unwrap_or_default()).expect("write");
        let left = crate::pipeline::finished(&store);
        finish(&world, ".llmp", &left);
    }
}

#[test]
fn a_flipped_bit_in_the_ledger_makes_nothing_wrong() {
    let mut random = Random::new(6);
    for _ in 0..times(4).min(200) {
        let world = done();
        let path = world.path().join(".llmp/ledger");
        let mut bytes = fs::read(&path).expect("a ledger");
        // The first line says what the file is; a file that says otherwise is refused.
        let at = 16 + random.below(bytes.len() as u64 - 16) as usize;
        bytes[at] ^= 1 << random.below(8);
        fs::write(&path, bytes).expect("write");
        finish(&world, ".llmp", &Finished::new());
    }
}

#[test]
fn results_that_were_removed_come_back() {
    let world = done();
    let store = world.path().join(".llmp");
    fs::remove_dir_all(store.join("out")).expect("remove");
    world.ok(&["run", "main.llmp"]);
    assert_eq!(results(&store), undisturbed().files);
}
