//! Small things: statuses, waits, redirects, addresses, limits.

use std::time::Duration;

use llmp_net::{Error, Limits, Observer, Options, Url};

use crate::server::{Reply, Server};
use crate::{LIMITS, TestClock, client, with};

#[test]
fn it_says_who_asks() {
    let server = Server::new(|_| Reply { body: b"hello".to_vec(), ..Reply::status(200) });
    let options = Options {
        private: vec!["127.0.0.1".into()],
        contact: Some("us@example.org".into()),
        ..Options::default()
    };
    let body = with(&TestClock::default(), options).get(&server.url("/a"), LIMITS, &mut ()).unwrap();
    assert_eq!(body, b"hello");
    let asked = &server.asked()[0];
    assert_eq!(asked.header("user-agent"), Some("llmp/0.1.0 (+us@example.org)"));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[test]
fn what_is_final_is_asked_once() {
    for status in [400, 401, 403, 404, 410, 501] {
        let server = Server::new(move |_| Reply::status(status));
        let clock = TestClock::default();
        let error = client(&clock).get(&server.url("/a"), LIMITS, &mut ()).unwrap_err();
        assert!(matches!(error, Error::Status { status: found, .. } if found == status), "{error}");
        assert_eq!((server.asked().len(), clock.passed()), (1, Duration::ZERO));
    }
}

#[test]
fn busy_servers_are_asked_again_with_growing_pauses_and_not_for_ever() {
    for status in [429, 500, 502, 503, 504] {
        let server = Server::new(move |_| Reply::status(status));
        let clock = TestClock::default();
        let error = client(&clock).get(&server.url("/a"), LIMITS, &mut ()).unwrap_err();
        assert!(matches!(error, Error::GaveUp { tries: 6, .. }), "{error}");
        assert_eq!(error.help(), Some("run again later; what has come so far is kept"));
        assert_eq!(server.asked().len(), 6);
        // 1 + 2 + 4 + 8 + 16
        assert_eq!(clock.passed(), Duration::from_secs(31));
    }
}

#[test]
fn a_server_that_says_when_to_come_back_is_believed() {
    for (text, wait) in [("7", 7), ("0", 1), ("Mon, 30 Nov 2026 20:00:30 GMT", 30), ("soon", 1)] {
        let server = Server::new(move |asked| match asked.number {
            0 => Reply::status(429).with("retry-after", text),
            _ => Reply::status(200),
        });
        let clock = TestClock::default();
        client(&clock).get(&server.url("/a"), LIMITS, &mut ()).unwrap();
        assert_eq!(clock.passed(), Duration::from_secs(wait), "{text}");
    }
    let server = Server::new(|_| Reply::status(503).with("retry-after", 86_400));
    let error = client(&TestClock::default()).get(&server.url("/a"), LIMITS, &mut ()).unwrap_err();
    assert!(matches!(error, Error::Later { wait, .. } if wait == Duration::from_secs(86_400)));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn redirects_are_followed_and_checked_again() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/a" => Reply::status(302).with("location", "/b"),
        "/b" => Reply { body: b"there".to_vec(), ..Reply::status(200) },
        "/round" => Reply::status(307).with("location", "/round"),
        "/inside" => Reply::status(301).with("location", "http://localhost:1/secret"),
        "/cloud" => Reply::status(301).with("location", "http://169.254.169.254/latest/meta-data"),
        "/file" => Reply::status(301).with("location", "file:///etc/passwd"),
        _ => Reply::status(404),
    });
    let get = |path| client(&TestClock::default()).get(&server.url(path), LIMITS, &mut ());
    assert_eq!(get("/a").unwrap(), b"there");
    assert!(matches!(get("/round").unwrap_err(), Error::Redirects { limit: 10, .. }));
    for (path, what) in [("/inside", "this machine"), ("/cloud", "link-local")] {
        let error = get(path).unwrap_err();
        assert!(matches!(error, Error::Private { what: found, .. } if found == what), "{error}");
    }
    assert!(matches!(get("/file").unwrap_err(), Error::Url { .. }));
}

#[test]
fn addresses_of_this_machine_are_not_connected_to_unless_allowed() {
    let server = Server::new(|_| Reply::status(200));
    let port = server.url("/").port().unwrap();
    let strict = with(&TestClock::default(), Options::default());
    for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = strict.get(&url, LIMITS, &mut ()).unwrap_err();
        assert!(matches!(error, Error::Private { .. }), "{host}: {error}");
    }
    assert!(server.asked().is_empty());
    for url in ["ftp://example.org/a", "http://user:secret@example.org/a"] {
        let error = strict.get(&Url::parse(url).unwrap(), LIMITS, &mut ()).unwrap_err();
        assert!(matches!(error, Error::Url { .. }), "{url}: {error}");
    }
}

#[test]
fn size_and_time_are_limited() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/said" => Reply { body: vec![0; 2_000], ..Reply::status(200) },
        "/unsaid" => Reply { body: vec![0; 2_000], open_end: true, ..Reply::status(200) },
        _ => Reply { pause: Duration::from_secs(5), ..Reply::status(200) },
    });
    let limits = Limits { bytes: 1_999, ..LIMITS };
    for path in ["/said", "/unsaid"] {
        let error = client(&TestClock::default()).get(&server.url(path), limits, &mut ()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: 1_999, .. }), "{error}");
    }
    let whole = Limits { bytes: 2_000, ..LIMITS };
    assert_eq!(
        client(&TestClock::default()).get(&server.url("/unsaid"), whole, &mut ()).unwrap().len(),
        2_000
    );

    let silent = Options {
        private: vec!["127.0.0.1".into()],
        silence: Duration::from_millis(100),
        tries: 2,
        ..Options::default()
    };
    let quick =
        Server::new(|_| Reply { body: vec![0; 10], pause: Duration::from_secs(2), ..Reply::status(200) });
    let error = with(&TestClock::default(), silent).get(&quick.url("/slow"), LIMITS, &mut ()).unwrap_err();
    assert!(matches!(error, Error::GaveUp { tries: 2, .. }), "{error}");

    let short = Limits { time: Duration::from_secs(2), ..LIMITS };
    let busy = Server::new(|_| Reply::status(503));
    let error = client(&TestClock::default()).get(&busy.url("/"), short, &mut ()).unwrap_err();
    assert!(matches!(error, Error::TooLong { .. }), "{error}");
}

#[test]
fn nobody_is_there() {
    let port = Server::new(|_| Reply::status(200)).url("/").port().unwrap();
    let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
    let error = client(&TestClock::default()).get(&url, LIMITS, &mut ()).unwrap_err();
    assert!(matches!(error, Error::GaveUp { .. } | Error::Status { .. }), "{error}");
}

#[test]
fn a_waiting_fetch_stops_when_it_is_asked_to() {
    struct Stopped;
    impl Observer for Stopped {
        fn stopped(&self) -> bool {
            true
        }
    }
    let server = Server::new(|_| Reply::status(503));
    let error = client(&TestClock::default()).get(&server.url("/"), LIMITS, &mut Stopped).unwrap_err();
    assert!(matches!(error, Error::Stopped));
}
