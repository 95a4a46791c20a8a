//! SIGKILL at random moments.

use std::time::Duration;

use crate::pipeline::{
    Finished, Random, check_whole, executed, finish, fresh, nothing_left, start, times, undisturbed,
    wait_for_silence,
};

#[test]
fn killed_anywhere_it_gives_the_same() {
    let mut random = Random::new(1);
    let wanted = times(12);
    let longest = undisturbed().time.as_millis() as u64;
    let (mut kills, mut pipelines, mut resumed) = (0, 0, 0);
    while kills < wanted {
        let world = fresh();
        let store = world.path().join(".llmp");
        let mut before = Finished::new();
        pipelines += 1;
        while kills < wanted {
            let mut run = start(&world, &["run", "main.llmp"]);
            // Mostly early, so that many kills fall into one pipeline; sometimes as late as its end.
            let limit = if random.below(4) == 0 { longest + longest / 4 } else { longest / 3 };
            std::thread::sleep(Duration::from_micros(random.below(1_000 * limit)));
            if run.try_wait().expect("a process").is_some() {
                break;
            }
            run.kill().expect("kill");
            run.wait().expect("a process");
            kills += 1;
            before = check_whole(&store, &before);
            wait_for_silence(world.path());
        }
        finish(&world, ".llmp", &before);
        nothing_left(&store);
        let counts = executed(&store);
        assert!(counts.values().all(|&count| count == 1), "a stage was done twice: {counts:?}");
        assert_eq!(world.llmp(&["verify"]).code, 0);
        resumed += usize::from(world.llmp(&["run", "main.llmp"]).out.contains("nothing to do"));
    }
    assert_eq!(resumed, pipelines);
    println!("{kills} kills in {pipelines} pipelines of {longest} ms undisturbed");
}
