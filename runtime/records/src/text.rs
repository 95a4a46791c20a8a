//! Numbers, sizes and times as people read them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

pub use llmp_stage::remark::grouped as count;

/// `950`, `12.3k`, `4.5M`, `1.2B`
#[must_use]
pub fn short_count(number: f64) -> String {
    let scaled =
        [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")].into_iter().find(|&(unit, _)| number >= unit);
    match scaled {
        Some((unit, suffix)) => {
            let value = number / unit;
            if value < 10.0 { format!("{value:.2}{suffix}") } else { format!("{value:.1}{suffix}") }
        }
        None => format!("{number:.0}"),
    }
}

/// `512 B`, `1.5 MiB`
#[must_use]
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).unwrap_or(&"PiB"))
}

/// `0.4s`, `12s`, `3m 20s`, `1h 52m`
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d {:02}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// Seconds since the Unix epoch as `2026-05-01 12:00:00 UTC`
#[must_use]
pub fn moment(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).ok().and_then(|since| UNIX_EPOCH.checked_add(since));
    // The calendar of `humantime` ends with the year 9999.
    let Some(time) = time.filter(|_| seconds < 253_402_300_800.0) else { return "at an unknown time".into() };
    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC")
}

/// `1 page`, `3 pages`
#[must_use]
pub fn plural(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number))
}

/// A path as text; a byte that is no part of UTF-8 is written `\xE9`, so that two paths never read alike.
#[must_use]
pub fn path(path: &Path) -> Cow<'_, str> {
    if let Some(text) = path.to_str() {
        return text.into();
    }
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_any_bytes_are_told_apart() {
        let told = |bytes: &'static [u8]| path(Path::new(std::ffi::OsStr::from_bytes(bytes))).into_owned();
        assert_eq!(told("caf\u{e9}/a".as_bytes()), "caf\u{e9}/a");
        assert_eq!(told(b"caf\xe9/a"), "caf\\xE9/a");
        assert_ne!(told(b"\xe9"), told(b"\xe8"));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(short_count(12_345.0), "12.3k");
        assert_eq!(bytes(1_572_864), "1.5 MiB");
        assert_eq!(duration(200.0), "3m 20s");
        assert_eq!(duration(0.42), "0.4s");
        assert_eq!(duration(6720.0), "1h 52m");
        assert_eq!(plural(1, "page"), "1 page");
        assert_eq!(moment(0.0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(f64::MAX), "at an unknown time");
    }
}
