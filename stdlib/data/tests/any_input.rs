//! The laws of `laws/` on mutated seeds: a short form of the fuzz targets (`fuzz/run`), the same at every
//! run. `ROUNDS` makes it a long one: `ROUNDS=1000000 cargo test --release -p llmp-data --test any_input`.

mod laws;

/// How often each seed is changed, unless told otherwise.
const ROUNDS: u64 = 400;

/// xorshift64*: all that is needed of randomness here.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }
}

/// `seed` with some parts changed, doubled, moved or cut, or with pieces of `words` put in.
fn mutated(seed: &[u8], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(5) {
        let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
        let (from, to) = (from.min(to), from.max(to).min(bytes.len()));
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[from] = random.below(256) as u8,
            1 => drop(bytes.drain(from..to)),
            2 => {
                let part = bytes[from..to].to_vec();
                let at = random.below(bytes.len() + 1);
                bytes.splice(at..at, part);
            }
            3 => bytes.truncate(to),
            _ => {
                let word = words[random.below(words.len())];
                bytes.splice(from..from, word.bytes());
            }
        }
    }
    bytes
}

fn fuzz(seeds: &[Vec<u8>], words: &[&str], law: fn(&[u8])) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let rounds = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    for seed in seeds {
        law(seed);
        for _ in 0..rounds {
            law(&mutated(seed, words, &mut random));
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("compressed")
}

fn record(kind: &str, block: &str) -> Vec<u8> {
    let length = block.len();
    format!("WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{block}\r\n\r\n").into_bytes()
}

const HTTP: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<p>x\r\n0\r\n\r\n";
const ARC: &str = "filedesc://x 0.0.0.0 20080430204825 text/plain 4\n1 0\n\nhttp://a/ 1.2.3.4 20080430204825 text/html 3\n<p>\n";
const PAGE: &str = "<!DOCTYPE html><html><head><meta charset=gbk><title>t</title></head><body><article><h1>One</h1>loose \
    <b>text</b><ul><li>a<ul><li>b</li></ul>c</li></ul><table><tr><td>d</td></tr></table><pre>e\n  f</pre><noscript><p>g\
    </noscript><p>A sentence about the harbour light that is long enough to be taken for text.</article></body></html>";
const TEXT: &str = "Reach +44 20 7946 0958, ann@mail.example or http://93.184.216.34/x: ０３－１２３４－５６７８, GB82 WEST 1234 \
    5698 7654 32, 4111 1111 1111 1111, 221B Baker Street.";

#[test]
fn warc_files() {
    let records = [record("response", HTTP), record("conversion", "text")];
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).expect("compressed");
    let seeds = [
        records.concat(),
        records.iter().flat_map(|record| gzip(record)).collect(),
        records.iter().flat_map(|record| zstd(record)).collect(),
        ARC.as_bytes().to_vec(),
        gzip(ARC.as_bytes()),
    ];
    fuzz(
        &seeds,
        &["WARC/1.0\r\n", "Content-Length: 9\r\n", "\r\n\r\n", "\x1f", "http://a/ 1.1.1.1 20080430 x 5\n"],
        laws::warc,
    );
}

#[test]
fn http_messages() {
    let words = [
        "Content-Encoding: br\r\n",
        "Content-Encoding: zstd, gzip\r\n",
        "Content-Encoding: deflate\r\n",
        "\r\n\r\n",
        "ffff\r\n",
    ];
    let gzipped = [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", &gzip(PAGE.as_bytes())[..]].concat();
    fuzz(&[HTTP.as_bytes().to_vec(), gzipped], &words, laws::http);
}

#[test]
fn encodings() {
    let words = [
        "<meta charset=koi8-r>",
        "<!--",
        "<script>",
        "\0",
        "\u{feff}",
        "<meta http-equiv=content-type content='charset=",
    ];
    let wide: Vec<u8> = PAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fuzz(&[PAGE.as_bytes().to_vec(), wide], &words, laws::charset);
}

#[test]
fn pages() {
    let words = [
        "<table>",
        "</table>",
        "<p>",
        "<li>",
        "</div>",
        "<a href=x>",
        "<noscript>",
        "<template>",
        "<pre>",
        "<br>",
        "<select>",
        "<svg><p>",
        "<frameset>",
        "<x-y>",
        "<ruby>a<rt>b",
        "<!--",
        "&lt;",
        "<math><mi>",
        "<button>",
        "\u{f8f0}",
    ];
    fuzz(&[PAGE.as_bytes().to_vec()], &words, |bytes| laws::html(&String::from_utf8_lossy(bytes)));
}

#[test]
fn personal_data() {
    let words =
        ["\u{200e}", "ー", "/", "-", "::", "+", "٣", "\n", "Tel: ", "version ", "@", "%40", "1.1.1.1", "é"];
    fuzz(&[TEXT.as_bytes().to_vec()], &words, |bytes| laws::pii(&String::from_utf8_lossy(bytes)));
}
