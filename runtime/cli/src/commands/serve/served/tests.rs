//! The server over a tiny model with random weights, from request to answer.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use llmp_artifacts::model::{Config, RopeScaling};
use llmp_serve::{Api, Client, Engine, Gate, Limits, Listener, Reply, Request};
use serde_json::{Value, json};

use super::*;

/// A chat model of random weights that says anything, and what answers with it.
struct Tiny {
    _folder: tempfile::TempDir,
    api: Arc<Api>,
}

fn folder(abilities: &[Ability]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = Tokenizer::cl100k();
    let config = Config {
        vocabulary: tokenizer.vocab_size() as usize,
        width: 16,
        layers: 2,
        heads: 2,
        kv_heads: 1,
        head_width: 8,
        mlp_width: 24,
        context: 512,
        rope_theta: 10_000.0,
        rope_scaling: RopeScaling::None,
        norm_eps: 1e-6,
        qk_norm: true,
        tied: true,
        bos: None,
        eos: vec![0],
        pad: None,
    };
    let mut weights = llmp_model::initial(&config, 5);
    weights[0].iter_mut().for_each(|value| *value *= 20.0);
    llmp_model::save(folder.path(), &config, &weights).unwrap();
    tokenizer.save(folder.path()).unwrap();
    for ability in abilities {
        Abilities::load(folder.path()).unwrap().save_with(*ability, folder.path()).unwrap();
    }
    folder
}

fn tiny(abilities: &[Ability]) -> Tiny {
    let folder = folder(abilities);
    let model: Arc<dyn Model> = Arc::new(Served::load("tiny", folder.path(), None, "cpu").unwrap());
    let engine = Engine::start(vec![model], 64).unwrap();
    Tiny { _folder: folder, api: Arc::new(Api::new(engine, Gate::default(), None)) }
}

impl Tiny {
    fn raw(&self, method: &str, path: &str, body: &str) -> String {
        let request = Request {
            method: method.into(),
            path: path.into(),
            body: body.as_bytes().to_vec(),
            chunks: false,
            ..Request::default()
        };
        let mut out = Vec::new();
        self.api.answer(&request, Client(None), &mut Reply::new(&mut out, &request)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.raw("POST", path, &body.to_string());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    fn good(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(path, body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn events(&self, path: &str, body: &Value) -> Vec<Value> {
        let answer = self.raw("POST", path, &body.to_string());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<&str> =
            body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
        assert_eq!(lines.pop(), Some("[DONE]"));
        lines.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn question(more: &Value) -> Value {
    let mut body = json!({"model": "tiny", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 8, "seed": 7});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn a_seeded_answer_is_the_same_alone_and_among_others() {
    let tiny = tiny(&[Ability::Chat]);
    let body = |seed: usize| json!({"prompt": format!("Number {}", seed % 7), "max_tokens": 12, "seed": seed, "temperature": 1.0});
    let text = |seed| tiny.good("/v1/completions", &body(seed))["choices"][0]["text"].clone();
    let alone: Vec<Value> = (0..16).map(text).collect();
    let together: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|seed| scope.spawn(move || text(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
    assert!(alone.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn a_stream_says_what_the_whole_says() {
    let tiny = tiny(&[Ability::Chat]);
    let more = json!({"logprobs": true, "top_logprobs": 2, "n": 2});
    let whole = tiny.good("/v1/chat/completions", &question(&more));
    let mut more = more;
    more["stream"] = true.into();
    more["stream_options"] = json!({"include_usage": true});
    let events = tiny.events("/v1/chat/completions", &question(&more));
    let mut texts = [String::new(), String::new()];
    let mut scored = [0, 0];
    for event in &events[..events.len() - 1] {
        assert_eq!(event["object"], "chat.completion.chunk");
        assert!(event.get("usage").is_none() && event["id"] == events[0]["id"]);
        let choice = &event["choices"][0];
        let index = choice["index"].as_u64().unwrap() as usize;
        texts[index] += choice["delta"]["content"].as_str().unwrap_or_default();
        scored[index] += choice["logprobs"]["content"].as_array().map_or(0, Vec::len);
    }
    let last = events.last().unwrap();
    assert_eq!(
        (&last["choices"], &last["usage"]["prompt_tokens"]),
        (&json!([]), &whole["usage"]["prompt_tokens"])
    );
    for index in 0..2 {
        let choice = &whole["choices"][index];
        assert_eq!(choice["message"]["content"], texts[index]);
        assert_eq!(choice["logprobs"]["content"].as_array().unwrap().len(), scored[index]);
        let one = &choice["logprobs"]["content"][0];
        assert_eq!(one["top_logprobs"].as_array().unwrap().len(), 2);
        assert!(one["logprob"].as_f64().unwrap() <= one["top_logprobs"][0]["logprob"].as_f64().unwrap());
    }
    assert_ne!(texts[0], texts[1], "each has a seed of its own");
}

#[test]
fn prompts_have_many_forms() {
    let tiny = tiny(&[]);
    let answer = |prompt: Value| {
        let body = json!({"prompt": prompt, "max_tokens": 3, "temperature": 0, "echo": true, "logprobs": 1});
        tiny.good("/v1/completions", &body)
    };
    let whole = answer(json!("Hello world"));
    let logprobs = &whole["choices"][0]["logprobs"];
    assert_eq!(logprobs["tokens"].as_array().unwrap()[..2], [json!("Hello"), json!(" world")]);
    assert_eq!(logprobs["text_offset"][1], 5);
    assert_eq!(logprobs["tokens"].as_array().unwrap().len(), 5);
    let text = whole["choices"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Hello world"));
    let ids = answer(json!([100_257, 9906, 1917]));
    assert_eq!(ids["choices"][0]["logprobs"]["token_logprobs"][0], Value::Null);
    assert_eq!(ids["choices"][0]["logprobs"]["token_logprobs"][1], logprobs["token_logprobs"][0]);
    let several = answer(json!(["Hello world", "Hello"]));
    assert_eq!(several["choices"][0]["text"], text);
    assert_eq!(
        (several["choices"].as_array().unwrap().len(), &several["choices"][1]["index"]),
        (2, &json!(1))
    );
    assert_eq!(answer(json!([[9906], [1917, 1917]]))["choices"].as_array().unwrap().len(), 2);
    let none = json!({"prompt": [9906, 1917], "max_tokens": 0, "echo": true, "logprobs": 0});
    let judged = tiny.good("/v1/completions", &none);
    assert_eq!(judged["usage"]["completion_tokens"], 0);
    assert_eq!(judged["choices"][0]["logprobs"]["tokens"], json!(["Hello", " world"]));
}

#[test]
fn answers_end_at_a_stop() {
    let tiny = tiny(&[Ability::Chat]);
    let text = |stop: Value, stream: bool| {
        let body = json!({
            "prompt": "x", "max_tokens": 4, "seed": 1, "logit_bias": {"9906": 100}, "stop": stop, "stream": stream,
        });
        let choices: Vec<Value> = match stream {
            true => tiny.events("/v1/completions", &body).iter().map(|it| it["choices"][0].clone()).collect(),
            false => vec![tiny.good("/v1/completions", &body)["choices"][0].clone()],
        };
        let text: String = choices.iter().filter_map(|choice| choice["text"].as_str()).collect();
        (text, choices.last().unwrap()["finish_reason"].clone())
    };
    for stream in [false, true] {
        assert_eq!(text(Value::Null, stream), ("HelloHelloHelloHello".into(), "length".into()));
        assert_eq!(text(json!(["x", "oHelloH"]), stream), ("Hell".into(), "stop".into()));
        assert_eq!(
            text(json!("oHelly"), stream),
            ("HelloHelloHelloHello".into(), "length".into()),
            "no stop after all"
        );
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let tiny = tiny(&[Ability::Chat]);
    for (more, param, status) in [
        (json!({"frobnicate": 1}), "frobnicate", 400),
        (json!({"temperature": 3}), "temperature", 400),
        (json!({"n": 0}), "n", 400),
        (json!({"tools": [{"type": "function", "function": {"name": "rm"}}]}), "tools", 400),
        (json!({"tool_choice": "required"}), "tool_choice", 400),
        (json!({"top_logprobs": 2}), "top_logprobs", 400),
        (json!({"stream_options": {"include_usage": true}}), "stream_options", 400),
        (json!({"messages": [{"role": "user", "content": "word ".repeat(600)}]}), "messages", 400),
        (json!({"messages": null}), "messages", 400),
        (json!({"model": "gpt-4"}), "model", 404),
    ] {
        let (found, answer) = tiny.ask("/v1/chat/completions", &question(&more));
        assert_eq!((found, &answer["error"]["param"]), (status, &json!(param)), "{answer}");
        assert!(answer["error"]["message"].is_string() && answer["error"]["type"].is_string());
    }
    let long = question(&json!({"messages": [
        {"role": "user", "content": "word ".repeat(300)}, {"role": "assistant", "content": "word ".repeat(50)},
        {"role": "user", "content": "word ".repeat(300)},
    ]}));
    assert_eq!(tiny.ask("/v1/chat/completions", &long).1["error"]["code"], "context_length_exceeded");
    let mut forgets = long;
    forgets["truncation"] = "auto".into();
    assert_eq!(tiny.good("/v1/chat/completions", &forgets)["forgotten"], 1);
    for (method, path, status) in [
        ("GET", "/nope", 404),
        ("GET", "/v1/completions", 405),
        ("POST", "/v1/models", 405),
        ("GET", "/v1/models/x", 404),
    ] {
        assert!(tiny.raw(method, path, "").starts_with(&format!("HTTP/1.1 {status}")), "{path}");
    }
    assert!(tiny.raw("POST", "/v1/completions", &"[".repeat(10_000)).starts_with("HTTP/1.1 400"));
}

#[test]
fn searches_are_handed_to_who_asks_for_them() {
    let tiny = tiny(&[Ability::Chat, Ability::Searches]);
    let tool = json!({"type": "function", "function": {"name": "search", "parameters": {
        "type": "object", "properties": {"query": {"type": "string"}}}}});
    let marks = Served::load("x", tiny._folder.path(), None, "cpu").unwrap().marks().unwrap();
    // The model says anything: it is made to end its query soon.
    let bias = json!({marks.search[1].to_string(): 100, "9906": 95});
    let more = json!({"tools": [tool], "tool_choice": "required", "logit_bias": bias, "temperature": 2});
    let answer = tiny.good("/v1/chat/completions", &question(&more));
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls", "{answer}");
    let call = &choice["message"]["tool_calls"][0];
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["query"].is_string());
    let mut more = more;
    more["stream"] = true.into();
    let events = tiny.events("/v1/chat/completions", &question(&more));
    let calls: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["tool_calls"][0])
        .filter(|it| !it.is_null())
        .collect();
    assert!(calls.len() == 2 && calls.iter().all(|call| call["index"] == 0));
    assert_eq!(calls[1]["function"]["arguments"], call["function"]["arguments"]);
    let result = json!([
        {"role": "user", "content": "Who?"}, {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "Nobody."},
    ]);
    tiny.good("/v1/chat/completions", &question(&json!({"messages": result, "tools": more["tools"]})));
}

#[test]
fn answers_are_json_where_they_shall_be() {
    let tiny = tiny(&[Ability::Chat]);
    let schema = json!({"type": "object", "required": ["kind", "age"], "properties": {
        "kind": {"enum": ["cat", "dog"]}, "age": {"type": "integer"}}});
    let form = json!({"type": "json_schema", "json_schema": {"name": "pet", "schema": schema}});
    // The model says anything: it is made to end its number.
    let close = Tokenizer::cl100k().encode("}")[0].to_string();
    let more = json!({"response_format": form, "max_tokens": 60, "logit_bias": {close: 100}});
    let answer = tiny.good("/v1/chat/completions", &question(&more));
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "stop", "{answer}");
    let said: Value = serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
    assert!((said["kind"] == "cat" || said["kind"] == "dog") && said["age"].is_i64(), "{said}");
    let bad = json!({"response_format": {"type": "grammar"}});
    assert_eq!(tiny.ask("/v1/chat/completions", &question(&bad)).1["error"]["param"], "response_format");
}

#[test]
fn tokens_go_there_and_back() {
    let tiny = tiny(&[Ability::Chat]);
    let there = tiny.good("/tokenize", &json!({"content": "a 韬 <|im_end|>"}));
    let back = tiny.good("/detokenize", &json!({"tokens": there["tokens"]}));
    assert_eq!(back["content"], "a 韬 <|im_end|>");
    assert_eq!(there["pieces"][1]["text"], Value::Null);
    let special = tiny.good("/tokenize", &json!({"content": "<|im_end|>", "special": true}));
    assert_eq!(special["tokens"], json!([100_265]));
    let talk = tiny.good("/tokenize", &json!({"messages": [{"role": "user", "content": "hi"}]}));
    assert_eq!(talk["tokens"][0], 100_264);
    assert_eq!(tiny.ask("/detokenize", &json!({"tokens": [1e9]})).0, 400);
}

#[test]
fn connections_are_kept_bounded_and_ended() {
    let tiny = tiny(&[Ability::Chat]);
    let limits = Limits { body: 1 << 10, ..Limits::default() };
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(local, Arc::clone(&tiny.api), limits, 3).unwrap();
    let address = listener.address().unwrap();
    std::thread::spawn(move || listener.serve());
    #[expect(clippy::disallowed_methods, reason = "the server of this test")]
    let connect = || std::net::TcpStream::connect(address).unwrap();
    let read = |stream: &mut std::net::TcpStream| {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    let mut kept = connect();
    for _ in 0..2 {
        kept.write_all(b"GET /v1//models HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert!(read(&mut kept).starts_with("HTTP/1.1 200 OK"));
    }
    let mut large = connect();
    large.write_all(b"POST /v1/completions HTTP/1.1\r\nContent-Length: 2000\r\n\r\n").unwrap();
    assert!(read(&mut large).starts_with("HTTP/1.1 413"));
    // A client that goes away frees its place.
    let body =
        json!({"prompt": "x", "max_tokens": 500, "stream": true, "logit_bias": {"100257": -100}}).to_string();
    let mut gone = connect();
    let head = format!("POST /v1/completions HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    gone.write_all(head.as_bytes()).unwrap();
    assert!(read(&mut gone).starts_with("HTTP/1.1 200 OK"));
    drop(gone);
    drop(large);
    let metrics = || tiny.raw("GET", "/metrics", "");
    let idle = |text: &str| text.contains("\nllmp_rows 0\n") && text.contains("\nllmp_waiting_rows 0\n");
    let mut looks = 0;
    while !idle(&metrics()) {
        looks += 1;
        assert!(looks < 1000, "the place of a client that is gone is not freed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let written = metrics();
    let written = written.lines().find_map(|line| line.strip_prefix("llmp_generated_tokens_total ")).unwrap();
    assert!(written.parse::<u32>().unwrap() < 500, "{written} tokens were written for nobody");
}
