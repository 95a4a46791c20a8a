//! Answers that were recorded once are given again without a server.

use llmp_net::{Client, Error, Options, Recorded, Recorder};

use crate::server::{Reply, Server};
use crate::{LIMITS, TestClock, wire};

#[test]
fn a_conversation_is_kept_and_repeated() {
    let server = Server::new(|asked| match (asked.path.as_str(), asked.number) {
        ("/busy", 0) => Reply::status(503).with("retry-after", 3),
        ("/busy", _) => {
            Reply { body: b"first\n\nsecond\n".to_vec(), ..Reply::status(200) }.with("etag", "\"a\"")
        }
        _ => Reply::status(404),
    });
    let url = server.url("/busy");
    let folder = tempfile::tempdir().unwrap();
    let options = Options { private: vec!["127.0.0.1".into()], ..Options::default() };
    let recorder = Recorder::new(wire(&options), folder.path());
    let live =
        Client::with(recorder, TestClock::default(), options.clone()).get(&url, LIMITS, &mut ()).unwrap();
    drop(server);

    let recorded = Recorded::open(folder.path()).unwrap();
    let clock = TestClock::default();
    let again = Client::with(recorded, clock.clone(), options);
    assert_eq!(again.get(&url, LIMITS, &mut ()).unwrap(), live);
    assert_eq!(clock.passed().as_secs(), 3);
    let unknown = again.get(&url.join("/other").unwrap(), LIMITS, &mut ()).unwrap_err();
    assert!(matches!(unknown, Error::GaveUp { .. }));
}
