//! Curves as event files that TensorBoard opens: a folder for each stage, a scalar for each curve.
//!
//! A file is a sequence of records, each a length, its checksum, an `Event` message and its checksum; the
//! messages have few fields, which are written by hand (tensorflow/core/util/event.proto and summary.proto,
//! field numbers below).

use std::fs;
use std::path::{Path, PathBuf};

use llmp_store::{Result, at, write_atomically};

use crate::report::{Report, StageReport};

/// Writes the curves of a run's stages below `folder`; gives the files.
///
/// A second time the same files are written: names and contents follow from the run.
///
/// # Errors
/// Where the disk refuses.
pub fn write(report: &Report, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for stage in report.stages.iter().filter(|stage| stage.curves.values().any(|curve| !curve.is_empty())) {
        // A member of a family, `base[lr=0.05]`, and a stage in a binding, `docs/filter.urls`, are one
        // folder.
        let name: String =
            stage.name.chars().map(|c| if c == '/' || c.is_control() { '-' } else { c }).collect();
        let folder = folder.join(format!("run-{}", report.run)).join(name);
        fs::create_dir_all(&folder).map_err(at("make the folder", &folder))?;
        let (from, to) = stage.span.unwrap_or((0.0, stage.seconds));
        let (from, to) = (report.started + from, report.started + to);
        let file = folder.join(format!("events.out.tfevents.{:010}.llmp", from.max(0.0) as u64));
        write_atomically(&file, &events(stage, (from, to)))?;
        files.push(file);
    }
    Ok(files)
}

/// The records of a stage's curves. Points are at moments between its start and its end, as nobody has noted
/// theirs.
fn events(stage: &StageReport, (from, to): (f64, f64)) -> Vec<u8> {
    let mut bytes = record(&[double(1, from), text(3, b"brain.Event:2")].concat());
    for (name, curve) in &stage.curves {
        let last = curve.iter().map(|(x, _)| *x).fold(1.0, f64::max);
        for &(x, y) in curve {
            let value = [text(1, name.as_bytes()), float(2, y as f32)].concat();
            let moment = from + (to - from) * (x / last);
            let event = [double(1, moment), varint_field(2, x.max(0.0) as u64), text(5, &text(1, &value))];
            bytes.extend(record(&event.concat()));
        }
    }
    bytes
}

/// A record of a file.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let (check, data_check) = (masked(&length).to_le_bytes(), masked(data).to_le_bytes());
    [&length[..], &check, data, &data_check].concat()
}

/// A number that is written seven bits a byte, the lowest first.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field begins with its number and how it is written: 0 for numbers, 1 for eight bytes, 2 for a length and
/// so many bytes, 5 for four bytes.
fn tag(field: u64, wire: u64) -> Vec<u8> {
    varint(field << 3 | wire)
}

fn varint_field(field: u64, number: u64) -> Vec<u8> {
    [tag(field, 0), varint(number)].concat()
}

fn double(field: u64, number: f64) -> Vec<u8> {
    [&tag(field, 1)[..], &number.to_le_bytes()].concat()
}

fn float(field: u64, number: f32) -> Vec<u8> {
    [&tag(field, 5)[..], &number.to_le_bytes()].concat()
}

fn text(field: u64, bytes: &[u8]) -> Vec<u8> {
    [&tag(field, 2)[..], &varint(bytes.len() as u64), bytes].concat()
}

/// The checksum as TensorFlow's records have it: of a checksum, too, one can take a checksum.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), RFC 3720.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut value, mut bit) = (at as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0x82f6_3b78 } else { value >> 1 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    let step = |sum: u32, byte: &u8| {
        let at = (sum ^ u32::from(*byte)) & 0xff;
        sum >> 8 ^ TABLE.get(at as usize).copied().unwrap_or(0)
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4, and the check value of the catalogue of CRCs.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_record_is_what_tensorboard_writes() {
        // The first record of every file of the package `tensorboard`, at the moment 0.
        let data = [double(1, 0.0), text(3, b"brain.Event:2")].concat();
        let bytes = record(&data);
        assert_eq!(data.len(), 24);
        assert_eq!(bytes.len(), 8 + 4 + 24 + 4);
        assert_eq!(bytes[..8], 24_u64.to_le_bytes());
        // 24 as a length is the same in all files.
        assert_eq!(bytes[8..12], [0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(data[9..12], [0x1a, 13, b'b']);
    }

    #[test]
    fn numbers_are_as_protobuf_has_them() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(300), [0xac, 0x02]);
        assert_eq!(varint_field(2, 150), [0x10, 0x96, 0x01]);
        assert_eq!(float(2, 1.0), [0x15, 0, 0, 0x80, 0x3f]);
        assert_eq!(varint(u64::MAX).len(), 10);
    }
}
