//! Lists of hosts as they are used: compiled once to sorted hashes, in a file that all shards and processes
//! share.
//!
//! The file is named by the content of the lists and the version of this form, so that it is never out of
//! date. What the lines came to is kept in it, since every shard counts it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmp_stage::{Context, Error, InputFile, Result};
use serde::{Deserialize, Serialize};

use super::hosts::{Entries, HostList, Lines};
use super::table::Table;

/// Opens the file, with the version of its form.
const MAGIC: &[u8; 16] = b"llmp host list 1";

/// What lies behind the two tables, as JSON; its length stands behind the magic.
#[derive(Serialize, Deserialize)]
struct Rest {
    /// What the lines of each file came to, by the digest of its content.
    lines: BTreeMap<String, Lines>,
    expressions: Vec<String>,
}

/// The lists in `files`, compiled or as they were compiled before, and what their lines came to.
///
/// # Errors
/// Where a list cannot be read or the compiled form cannot be written.
pub(super) fn load(ctx: &dyn Context, files: &[&InputFile]) -> Result<(HostList, BTreeMap<String, Lines>)> {
    let Some(folder) = ctx.shared() else {
        let (entries, lines) = read(ctx, files)?;
        let list =
            HostList::new(Table::memory(entries.hosts), Table::memory(entries.urls), &entries.expressions)?;
        return Ok((list, lines));
    };
    fs::create_dir_all(folder).map_err(Error::io("cannot make the folder", folder))?;
    let path = folder.join(format!("hosts-{}", key(files)));
    if let Some(found) = open(&path)? {
        return Ok(found);
    }
    // Whoever comes first compiles; the others wait for it.
    let lock = path.with_extension("lock");
    let locked = File::create(&lock).map_err(Error::io("cannot make", &lock))?;
    locked.lock().map_err(Error::io("cannot lock", &lock))?;
    let found = match open(&path)? {
        Some(found) => found,
        None => {
            compile(ctx, files, &path)?;
            open(&path)?
                .ok_or_else(|| Error::new(format!("`{}` was damaged as it was written", path.display())))?
        }
    };
    // Others may wait for the same file; one who makes it anew finds the list.
    let _ = fs::remove_file(&lock);
    Ok(found)
}

/// What the compiled form is called: by the content of the lists, in whatever order they were named.
fn key(files: &[&InputFile]) -> String {
    let mut digests: Vec<&str> = files.iter().map(|file| file.digest.as_str()).collect();
    digests.sort_unstable();
    digests.dedup();
    let mut hasher = blake3::Hasher::new();
    hasher.update(MAGIC);
    digests.iter().for_each(|digest| _ = hasher.update(digest.as_bytes()));
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Reads all lists, each content once.
fn read(ctx: &dyn Context, files: &[&InputFile]) -> Result<(Entries, BTreeMap<String, Lines>)> {
    let (mut entries, mut lines) = (Entries::default(), BTreeMap::new());
    for file in files {
        ctx.proceed()?;
        if !lines.contains_key(&file.digest) {
            lines.insert(file.digest.clone(), entries.read(&file.path)?);
        }
    }
    Ok((entries, lines))
}

fn compile(ctx: &dyn Context, files: &[&InputFile], path: &Path) -> Result<()> {
    let (entries, lines) = read(ctx, files)?;
    let young = temporary(path);
    let failed = || Error::io("cannot write", &young);
    let mut output = BufWriter::new(File::create(&young).map_err(failed())?);
    let rest = serde_json::to_vec(&Rest { lines, expressions: entries.expressions })
        .map_err(|error| Error::new("cannot write a compiled list of hosts").because(error))?;
    let write = |output: &mut BufWriter<File>| {
        output.write_all(MAGIC)?;
        output.write_all(&(rest.len() as u64).to_le_bytes())?;
        Table::write(entries.hosts, output)?;
        Table::write(entries.urls, output)?;
        output.write_all(&rest)?;
        output.flush()?;
        output.get_ref().sync_all()
    };
    write(&mut output).map_err(failed())?;
    fs::rename(&young, path).map_err(Error::io("cannot write", path))
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension(format!("{}.tmp", std::process::id()))
}

/// The compiled lists in a file; `None` where there are none, or none that are whole.
fn open(path: &Path) -> Result<Option<(HostList, BTreeMap<String, Lines>)>> {
    let Ok(file) = File::open(path) else { return Ok(None) };
    let file = Arc::new(file);
    let mut head = [0; MAGIC.len() + 8];
    let read = || -> std::io::Result<Option<(Table, Table, Vec<u8>)>> {
        (&*file).read_exact(&mut head)?;
        let Some(length) = head.strip_prefix(MAGIC) else { return Ok(None) };
        let length = length.iter().rev().fold(0, |length, byte| length << 8 | u64::from(*byte));
        let Some((hosts, end)) = Table::open(&file, head.len() as u64)? else { return Ok(None) };
        let Some((urls, end)) = Table::open(&file, end)? else { return Ok(None) };
        if end.checked_add(length) != Some(file.metadata()?.len()) {
            return Ok(None);
        }
        (&*file).seek(SeekFrom::Start(end))?;
        let mut rest = Vec::new();
        (&*file).read_to_end(&mut rest)?;
        Ok(Some((hosts, urls, rest)))
    };
    let mut read = read;
    match read() {
        Ok(Some((hosts, urls, rest))) => Ok(match serde_json::from_slice::<Rest>(&rest) {
            Ok(rest) => Some((HostList::new(hosts, urls, &rest.expressions)?, rest.lines)),
            Err(_) => None,
        }),
        Ok(None) => Ok(None),
        // It was cut.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(Error::io("cannot read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;
    use url::Url;

    use super::*;

    #[test]
    fn lists_are_compiled_once_and_what_is_cut_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path())
            .with_files("lists", &[("a", b"a.example\nb.example/x\ntwo words\n"), ("b", b"c.example\n")]);
        let files: Vec<&InputFile> = ctx.input("lists").expect("given").files.iter().collect();
        let shared = ctx.shared().expect("a folder");
        let asks = |list: &HostList| {
            let url = |url: &str| Url::parse(url).expect("a URL");
            let host = |text: &str| list.host(&url(text)).expect("read").is_some();
            host("https://x.a.example/")
                && host("https://c.example/")
                && !host("https://b.example/x")
                && list.url(&url("https://b.example/x")).expect("read").is_some()
        };
        let (list, lines) = load(&ctx, &files).expect("compiled");
        assert!(asks(&list));
        assert_eq!(lines[&files[0].digest].unknown, 1);
        let made: Vec<PathBuf> =
            fs::read_dir(shared).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        assert_eq!(made.len(), 1, "{made:?}");
        // The lists are not looked at again, nor does their order count.
        files.iter().for_each(|file| fs::write(&file.path, "").expect("written"));
        let turned: Vec<&InputFile> = files.iter().rev().copied().collect();
        let (list, again) = load(&ctx, &turned).expect("opened");
        assert!(asks(&list) && again == lines);
        // Cut at any place it is made again, from what lies there now.
        let whole = fs::read(&made[0]).expect("read");
        for length in [0, 10, 30, 1 << 16, 1 << 18, whole.len() - 1] {
            fs::write(&made[0], &whole[..length]).expect("written");
            assert!(open(&made[0]).expect("no error").is_none(), "{length}");
        }
        let (list, _) = load(&ctx, &files).expect("compiled");
        assert!(!asks(&list), "the lists are empty now");
    }
}
