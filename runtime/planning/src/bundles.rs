//! The shards of the user's files (spec 6.4): each file by itself, and many small ones in bundles, so that a
//! folder of thousands of pages does not become thousands of actions, objects and frames of the ledger.
//!
//! Which files go together follows from the hashes alone, by a rule that looks at one place at a time: all
//! small files are one bundle; one that holds too much is split by the next bit of its files' hashes, and so
//! on. A file more changes the bundle that it falls into, which at most falls in two; all others, their keys
//! and results stay.

use llmp_compiler::key::{Digest, Hasher};

use super::files::{Files, Found};
use super::history::ShardInput;

/// Bytes from which a file is a shard by itself.
const LARGE: u64 = 1 << 20;

/// Small files up to which each is a shard by itself: as many actions keep any machine busy and cost nothing
/// that is felt.
const FEW: usize = 64;

/// Files that a bundle holds at most.
const MOST_FILES: usize = 128;

/// Bytes that a bundle of several files holds at most.
const MOST_BYTES: u64 = 4 << 20;

/// Bits of a hash; two files never agree in all of them.
const BITS: usize = 256;

/// The shards of a set of files, in the order of their first files; `bundled` where small files may go
/// together.
pub(super) fn shards(files: &Files, bundled: bool) -> Vec<ShardInput> {
    let members = files.found.iter().enumerate().map(|(at, file)| Member::of(at, file, files.names));
    let (mut small, mut alone): (Vec<Member>, Vec<Member>) =
        members.partition(|member| bundled && member.size < LARGE);
    if small.len() <= FEW {
        alone.append(&mut small);
    }
    small.sort_unstable_by_key(|member| member.hash);
    let mut bundles: Vec<Vec<Member>> = alone.into_iter().map(|member| vec![member]).collect();
    split(&small, 0, &mut bundles);
    for bundle in &mut bundles {
        bundle.sort_unstable_by_key(|member| member.at);
    }
    bundles.sort_unstable_by_key(|bundle| bundle.first().map(|member| member.at));
    bundles.iter().map(|bundle| shard(files, bundle)).collect()
}

/// One file of the set.
#[derive(Clone, Copy)]
struct Member {
    /// Where it stands in the set.
    at: usize,
    hash: Digest,
    size: u64,
}

impl Member {
    fn of(at: usize, file: &Found, names: bool) -> Self {
        Self { at, hash: file.shard(names), size: file.size }
    }
}

/// Splits files, which are sorted by hash and agree in the first `depth` bits of it, until no part is too
/// large.
fn split(files: &[Member], depth: usize, bundles: &mut Vec<Vec<Member>>) {
    let bytes: u64 = files.iter().map(|member| member.size).sum();
    let fits = files.len() <= MOST_FILES && bytes <= MOST_BYTES;
    if files.is_empty() {
    } else if fits || files.len() == 1 || depth == BITS {
        bundles.push(files.to_vec());
    } else {
        let (zeros, ones) = files.split_at(files.partition_point(|member| !bit(&member.hash, depth)));
        split(zeros, depth + 1, bundles);
        split(ones, depth + 1, bundles);
    }
}

/// Whether this bit of a hash, counted from the front, is one.
fn bit(hash: &Digest, at: usize) -> bool {
    hash.0.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
}

/// The shard of these files. One file is called after its own hash, several after all of theirs.
fn shard(files: &Files, bundle: &[Member]) -> ShardInput {
    let hash = match bundle {
        [one] => one.hash,
        many => {
            let mut hasher = Hasher::new("llmp bundle 1");
            for member in many {
                hasher.digest(&member.hash);
            }
            hasher.finish()
        }
    };
    let file = |member: &Member| {
        let file = files.found.get(member.at)?;
        Some((file.label.clone(), file.digest))
    };
    ShardInput {
        name: hash.hex().get(..16).unwrap_or_default().to_owned(),
        files: bundle.iter().filter_map(file).collect(),
        names: files.names,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn set(sizes: impl IntoIterator<Item = (usize, u64)>, names: bool) -> Files {
        let file = |(number, size): (usize, u64)| Found {
            label: format!("{number:05}.html"),
            path: format!("{number}").into(),
            digest: Digest::of(&number.to_le_bytes()),
            size,
        };
        let mut found: Vec<_> = sizes.into_iter().map(file).collect();
        if !names {
            found.sort_by_key(|file| file.digest);
        }
        Files { found, names }
    }

    fn small(count: usize) -> Files {
        set((0..count).map(|number| (number, 1_000)), false)
    }

    fn names(shards: &[ShardInput]) -> BTreeSet<&str> {
        shards.iter().map(|shard| shard.name.as_str()).collect()
    }

    #[test]
    fn few_files_and_those_of_commands_are_shards_by_themselves() {
        for (files, bundled) in [(small(FEW), true), (small(1_000), false)] {
            let shards = shards(&files, bundled);
            assert_eq!(shards.len(), files.found.len());
            for (shard, file) in shards.iter().zip(&files.found) {
                assert_eq!(shard.name, file.digest.hex()[..16]);
                assert_eq!(shard.files, [(file.label.clone(), file.digest)]);
            }
        }
    }

    #[test]
    fn every_file_is_in_one_bundle_and_none_is_too_large() {
        for names in [false, true] {
            let files = set((0..5_000).map(|number| (number, (number as u64 * 37) % 90_000)), names);
            let shards = shards(&files, true);
            let mut met: Vec<_> = shards.iter().flat_map(|shard| shard.files.clone()).collect();
            met.sort();
            let mut all: Vec<_> = files.found.iter().map(|file| (file.label.clone(), file.digest)).collect();
            all.sort();
            assert_eq!(met, all);
            let size = |label: &str| files.found.iter().find(|file| file.label == label).unwrap().size;
            for shard in &shards {
                let bytes: u64 = shard.files.iter().map(|(label, _)| size(label)).sum();
                assert!(shard.files.len() <= MOST_FILES && bytes <= MOST_BYTES, "{bytes}");
                assert!(!names || shard.files.is_sorted(), "in the order of names");
            }
            assert!((50..200).contains(&shards.len()), "{}", shards.len());
        }
    }

    #[test]
    fn a_file_more_touches_one_bundle_at_any_count() {
        let mut before = shards(&small(FEW + 1), true);
        for count in FEW + 2..700 {
            let after = shards(&small(count), true);
            let gone = names(&before).difference(&names(&after)).count();
            let new = names(&after).difference(&names(&before)).count();
            // One that is full falls in two, and very rarely one of these is the whole of it.
            assert!(gone <= 1 && new <= 2, "{count}: {gone} gone, {new} new");
            before = after;
        }
    }

    #[test]
    fn large_files_stay_alone_whatever_lies_beside_them() {
        let sizes = |count| (0..count).map(|number| (number, if number < 5 { LARGE } else { 10 }));
        let alone = shards(&set(sizes(5), false), true);
        let among = shards(&set(sizes(500), false), true);
        assert_eq!(alone.len(), 5);
        assert!(names(&alone).is_subset(&names(&among)));
        assert!(among.len() < 20, "{}", among.len());
    }

    #[test]
    fn names_and_order_do_not_count_unless_they_are_to() {
        let files = small(500);
        let mut renamed = files.clone();
        for file in &mut renamed.found {
            file.label.insert(0, 'x');
        }
        assert_eq!(names(&shards(&files, true)), names(&shards(&renamed, true)));
        let named = |files: &Files| Files { names: true, ..files.clone() };
        let (one, other) = (shards(&named(&files), true), shards(&named(&renamed), true));
        assert!(names(&one).is_disjoint(&names(&other)));
    }
}
