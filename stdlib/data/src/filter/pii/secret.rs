//! Access keys, tokens and private keys, known by the fixed signs that their issuers set before them.
//!
//! Forms: GitHub's secret scanning partners' documentation and the issuers' own pages. No entropy is guessed:
//! a key without a sign of its own is missed, and a commit's hash is none.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::joins;

/// Where a key may start. Literals only, so that long texts are passed over quickly.
static SIGN: LazyLock<Regex> = LazyLock::new(|| {
    let signs = FORMS.iter().flat_map(|(signs, _)| signs.split(' ')).map(regex::escape).collect::<Vec<_>>();
    Regex::new(&format!(
        "{}|-----BEGIN |_secret_access_key|AccountKey=|hooks.slack.com/services/",
        signs.join("|")
    ))
    .expect("the expression is valid")
});

/// Signs, and what stands behind each of them.
const FORMS: [(&str, &str); 24] = [
    // Amazon.
    ("AKIA ASIA ABIA ACCA", r"[A-Z2-7]{16}"),
    // GitHub: the last six characters are a check sum of the others.
    ("ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{36,251}"),
    ("github_pat_", r"[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("glpat- gldt- glrt- glptt-", r"[A-Za-z0-9_\-]{20,64}"),
    // Slack.
    ("xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xoxp- xoxe.xoxb-", r"[A-Za-z0-9\-]{10,250}"),
    ("xapp-", r"[0-9]-[A-Z0-9]{8,16}-[0-9]{8,16}-[a-f0-9]{32,128}"),
    // Stripe.
    ("sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_", r"[A-Za-z0-9]{10,247}"),
    ("whsec_", r"[A-Za-z0-9+/]{32,64}=?"),
    // Google.
    ("AIza", r"[A-Za-z0-9_\-]{35}"),
    ("ya29.", r"[A-Za-z0-9_\-]{20,500}"),
    ("GOCSPX-", r"[A-Za-z0-9_\-]{28}"),
    // Package registries.
    ("npm_", r"[A-Za-z0-9]{36}"),
    ("pypi-AgEIcHlwaS5vcmc pypi-AgENdGVzdC5weXBpLm9yZw", r"[A-Za-z0-9_\-]{50,1000}"),
    ("rubygems_", r"[a-f0-9]{48}"),
    ("dckr_pat_", r"[A-Za-z0-9_\-]{27}"),
    // Models and clouds.
    ("sk-proj- sk-svcacct- sk-admin- sk-ant- sk-or-v1- sk-", r"[A-Za-z0-9_\-]{20,250}"),
    ("hf_", r"[A-Za-z0-9]{34}"),
    ("dop_v1_ doo_v1_ dor_v1_", r"[a-f0-9]{64}"),
    ("LTAI", r"[A-Za-z0-9]{12,26}"),
    ("AKID", r"[A-Za-z0-9]{32}"),
    ("SG.", r"[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),
    ("shpat_ shpca_ shppa_ shpss_", r"[a-fA-F0-9]{32}"),
    ("AGE-SECRET-KEY-1", r"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    // A web token: two objects of JSON in base64, and a signature.
    ("eyJ", r"[A-Za-z0-9_\-]{8,4000}\.eyJ[A-Za-z0-9_\-]{8,8000}\.[A-Za-z0-9_\-]{0,2000}"),
];

/// What may stand at a sign, in full.
static KEY: LazyLock<Regex> = LazyLock::new(|| {
    let forms = FORMS.iter().map(|(signs, rest)| {
        let signs = signs.split(' ').map(regex::escape).collect::<Vec<_>>().join("|");
        format!("(?:{signs}){rest}")
    });
    let expression = forms.collect::<Vec<_>>().join("|");
    Regex::new(&format!("^(?:{expression})")).expect("the expression is valid")
});

/// What is secret because of what stands before it.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)^(?:
          _secret_access_key ["']? \s* [:=]\ ?["']? (?<aws> [A-Za-z0-9/+]{40})
        | AccountKey= (?<azure> [A-Za-z0-9+/]{86}==)
        | hooks\.slack\.com/services/ (?<slack> T[A-Za-z0-9]{6,14}/B[A-Za-z0-9]{6,14}/[A-Za-z0-9]{16,32})
        )"#,
    )
    .expect("the expression is valid")
});

/// The first line of a private key in PEM (RFC 7468) or OpenPGP's armour (RFC 9580).
static BEGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
        .expect("the expression is valid")
});

/// The longest private key, in bytes: 16,384 bits of RSA in base64 are half of it.
const LONGEST_KEY: usize = 32 << 10;

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut end) = (Vec::new(), 0);
    for sign in SIGN.find_iter(text) {
        let start = sign.start();
        if start < end {
            continue;
        }
        let rest = &text[start..];
        let range = if sign.as_str() == "-----BEGIN " {
            private_key(rest)
        } else if let Some(called) = CALLED.captures(rest) {
            called.iter().skip(1).flatten().next().map(|value| value.range())
        } else {
            key(text, start)
        };
        if let Some(range) = range {
            end = start + range.end;
            found.push(start + range.start..end);
        }
    }
    found
}

/// A key that starts at `start` and is no part of a longer word.
fn key(text: &str, start: usize) -> Option<Range<usize>> {
    let last = text[..start].chars().next_back();
    let range = KEY.find(&text[start..])?.range();
    let alone = !joins(last) && last != Some('-') && !joins(text[start + range.end..].chars().next());
    // Words with dashes, as in names of packages and styles: a key is random, and has a digit.
    let random = text[start..start + range.end].bytes().any(|byte| byte.is_ascii_digit())
        && text[start..start + range.end].bytes().any(|byte| byte.is_ascii_alphabetic());
    (alone && random).then_some(range)
}

/// A private key up to its last line; without one, as many lines as could be its content.
fn private_key(rest: &str) -> Option<Range<usize>> {
    let begin = BEGIN.find(rest)?;
    let body = &rest[begin.end()..rest.floor_char_boundary(LONGEST_KEY)];
    let last = body.find("-----END ").and_then(|at| Some(at + 9 + body[at + 9..].find("-----")? + 5));
    let end = last.unwrap_or_else(|| {
        let content = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r' | b'\\')
        };
        body.bytes().take_while(|byte| content(byte)).count()
    });
    Some(0..begin.end() + end)
}

#[cfg(test)]
mod tests {
    use super::find;

    fn found(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|range| &text[range]).collect()
    }

    /// Keys are put together here, so that nobody's scanner takes this file for a leak.
    fn keys() -> Vec<String> {
        let letters = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6a7B8c9D0e1F2";
        let hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        vec![
            format!("AKIA{}", "IOSFODNN7EXAMPLE"),
            format!("ghp_{}", &letters[..36]),
            format!("github_pat_{}_{}", &letters[..22], &letters[..59]),
            format!("xoxb-{}-{}", "123456789012", &letters[..24]),
            format!("sk_live_{}", &letters[..24]),
            format!("AIza{}", &letters[..35]),
            format!("npm_{}", &letters[..36]),
            format!("pypi-AgEIcHlwaS5vcmc{letters}"),
            format!("sk-proj-{}", &letters[..48]),
            format!("sk-{}", &letters[..48]),
            format!("hf_{}", &letters[..34]),
            format!("dop_v1_{hex}"),
            format!("SG.{}.{}", &letters[..22], &letters[..43]),
            format!("eyJ{}.eyJ{}.{}", &letters[..30], &letters[..40], &letters[..43]),
            format!(
                "-----BEGIN RSA PRIVATE {0}-----\nMIIE{letters}\n{letters}\n-----END RSA PRIVATE {0}-----",
                "KEY"
            ),
        ]
    }

    #[test]
    fn keys_are_found_by_their_signs() {
        for key in keys() {
            assert_eq!(found(&format!("token: {key}, and more")), [key.as_str()]);
            assert_eq!(found(&format!("KEY=\"{key}\"")), [key.as_str()]);
            assert_eq!(found(&format!("密钥是{key}。")), [key.as_str()]);
        }
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(found(&format!("aws_secret_access_key = {secret}\n")), [secret]);
        let cut = format!("-----BEGIN {} KEY-----\nMIIEabc\nMore of it. Text", "PRIVATE");
        assert_eq!(found(&cut).len(), 1, "its end is missing");
    }

    #[test]
    fn words_and_hashes_are_none() {
        for text in [
            "sk-learn-contrib-something-very-long-name",
            "task-0123456789abcdef0123",
            "the commit 0123456789abcdef0123456789abcdef01234567",
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "AKIA is a prefix; ghp_short; xoxb-; eyJhbGciOiJIUzI1NiJ9",
            "npm_config_registry, hf_hub_download, sk_test_",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
