//! The paths behind a path or pattern: the one walk through the user's folders.
//!
//! * Symbolic links are followed, to files and to folders. One that leads nowhere, or back to a folder that
//!   it lies in, is an error that names it: left out, the input would be another one than the user sees.
//! * Hidden entries (`.git`, `.DS_Store`) are met by nobody who does not write the dot.
//! * A store is no input: one that lies in a folder is passed over, and a path or link into one is an error.
//! * Names are bytes. One that is no UTF-8 is compared with a pattern as people see it.

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use llmp_records::text;
use llmp_store::Store;

/// Hidden names match only where the pattern has the dot.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: true,
};

type Result<T> = std::result::Result<T, String>;

/// The files behind `pattern`, sorted: a file, all files below a folder, or those that match a pattern with
/// `*`, `?`, `**`, `[…]`.
///
/// # Errors
/// A sentence for people: nothing there, or nothing readable.
pub(super) fn files(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let mut walk = Walk { folder, found: Vec::new(), around: Vec::new() };
    let plain = folder.join(pattern);
    match fs::metadata(&plain) {
        Ok(meta) => {
            if lies_in_store(&plain) {
                return Err(format!("`{pattern}` lies in a store of llmp, which is no input"));
            }
            if meta.is_dir() {
                walk.below(&plain, &meta)?;
            } else if meta.is_file() {
                walk.found.push(plain);
            } else {
                return Err(format!("`{pattern}` is neither a file nor a folder"));
            }
            if walk.found.is_empty() {
                return Err(
                    match fs::read_dir(folder.join(pattern)).is_ok_and(|mut all| all.next().is_some()) {
                        true => format!("the folder `{pattern}` holds no files, those that are hidden aside"),
                        false => format!("the folder `{pattern}` is empty"),
                    },
                );
            }
        }
        Err(error) if plain.is_symlink() => return Err(walk.broken(&plain, &error)),
        Err(_) if pattern.contains(['*', '?', '[']) => walk.pattern(pattern)?,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let parts: Vec<String> = pattern.split(',').map(|part| format!("\"{}\"", part.trim())).collect();
            return Err(match parts.len() {
                1 => format!("there is no file `{pattern}`"),
                _ => format!("there is no file `{pattern}`; several stand in a list: [{}]", parts.join(", ")),
            });
        }
        Err(error) => return Err(walk.unreadable(&plain, &error)),
    }
    walk.found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    walk.found.dedup();
    Ok(walk.found)
}

/// One part of a pattern, between slashes.
enum Part {
    /// A name.
    Name(String),
    /// Names like this.
    Like(Pattern),
    /// `**`: any folders, or none.
    Deep,
}

impl Part {
    fn of(text: &str) -> std::result::Result<Self, glob::PatternError> {
        match text {
            "**" => Ok(Self::Deep),
            text if text.contains(['*', '?', '[']) => Pattern::new(text).map(Self::Like),
            text => Ok(Self::Name(text.to_owned())),
        }
    }
}

struct Walk<'a> {
    /// Paths are told as seen from here.
    folder: &'a Path,
    found: Vec<PathBuf>,
    /// Device and inode of the folders that the walk is in.
    around: Vec<(u64, u64)>,
}

impl Walk<'_> {
    fn pattern(&mut self, pattern: &str) -> Result<()> {
        let parts = pattern.split('/').filter(|part| !part.is_empty()).map(Part::of);
        let mut parts: Vec<Part> = parts
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| format!("`{pattern}` is no pattern: {}", error.msg))?;
        parts.dedup_by(|one, before| matches!((one, before), (Part::Deep, Part::Deep)));
        let root = if pattern.starts_with('/') { Path::new("/") } else { self.folder };
        self.matching(root, &parts)?;
        if self.found.is_empty() {
            return Err(format!("no file matches `{pattern}`"));
        }
        Ok(())
    }

    /// The files below `at` that match.
    fn matching(&mut self, at: &Path, parts: &[Part]) -> Result<()> {
        let Some((first, rest)) = parts.split_first() else { return Ok(()) };
        match first {
            Part::Name(name) => self.matched(at.join(name), rest),
            Part::Like(pattern) => {
                for (path, _) in self.entries(at)? {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    if pattern.matches_with(&name, OPTIONS) {
                        self.matched(path, rest)?;
                    }
                }
                Ok(())
            }
            Part::Deep => match self.resolved(at)? {
                Some(meta) if meta.is_dir() => self.deep(at, &meta, parts),
                _ => Ok(()),
            },
        }
    }

    /// Something whose name matches, with what has to match below it.
    fn matched(&mut self, path: PathBuf, rest: &[Part]) -> Result<()> {
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            // A link that leads nowhere is no folder to look into.
            Err(error) if rest.is_empty() && path.is_symlink() => return Err(self.broken(&path, &error)),
            Err(_) => return Ok(()),
        };
        if rest.is_empty() {
            if meta.is_file() {
                self.refuse_store(&path)?;
                self.found.push(path);
            }
        } else if meta.is_dir() && !Store::is_at(&path) {
            self.refuse_store(&path)?;
            self.matching(&path, rest)?;
        }
        Ok(())
    }

    /// What matches `parts`, which begin with `**`, in this folder and all below it.
    fn deep(&mut self, at: &Path, meta: &Metadata, parts: &[Part]) -> Result<()> {
        let Some(rest) = parts.get(1..).filter(|rest| !rest.is_empty()) else { return self.below(at, meta) };
        self.enter(at, meta)?;
        self.matching(at, rest)?;
        for (path, kind) in self.entries(at)? {
            if hidden(&path) || !(kind.is_dir() || kind.is_symlink()) {
                continue;
            }
            if let Some(meta) = self.resolved(&path)?
                && meta.is_dir()
                && !Store::is_at(&path)
            {
                self.deep(&path, &meta, parts)?;
            }
        }
        self.around.pop();
        Ok(())
    }

    /// All files below a folder.
    fn below(&mut self, at: &Path, meta: &Metadata) -> Result<()> {
        self.enter(at, meta)?;
        for (path, kind) in self.entries(at)? {
            // A plain file costs no look of its own: folders may hold millions.
            if hidden(&path) {
            } else if kind.is_file() {
                self.found.push(path);
            } else if kind.is_dir() || kind.is_symlink() {
                let meta = fs::metadata(&path).map_err(|error| match kind.is_symlink() {
                    true => self.broken(&path, &error),
                    false => self.unreadable(&path, &error),
                })?;
                if meta.is_file() {
                    self.refuse_store(&path)?;
                    self.found.push(path);
                } else if meta.is_dir() && !Store::is_at(&path) {
                    self.below(&path, &meta)?;
                }
            }
        }
        self.around.pop();
        Ok(())
    }

    /// Notes that the walk is in a folder, in which it must not be already.
    fn enter(&mut self, at: &Path, meta: &Metadata) -> Result<()> {
        self.refuse_store(at)?;
        let own = (meta.dev(), meta.ino());
        if self.around.contains(&own) {
            let link = at.ancestors().find(|path| path.is_symlink()).unwrap_or(at);
            return Err(format!("`{}` is a link to a folder that it lies in", self.told(link)));
        }
        self.around.push(own);
        Ok(())
    }

    /// A link must not lead into a store.
    fn refuse_store(&self, path: &Path) -> Result<()> {
        if path.is_symlink() && lies_in_store(path) {
            return Err(format!("`{}` is a link into a store of llmp, which is no input", self.told(path)));
        }
        Ok(())
    }

    /// What a folder holds, sorted; links as links. Nothing where there is no such folder.
    fn entries(&self, at: &Path) -> Result<Vec<(PathBuf, FileType)>> {
        let read = |at: &Path| {
            let entries = fs::read_dir(at)?.map(|entry| {
                let entry = entry?;
                Ok((entry.path(), entry.file_type()?))
            });
            entries.collect::<std::io::Result<Vec<_>>>()
        };
        let mut entries = match read(at) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => vec![],
            Err(error) => return Err(self.unreadable(at, &error)),
        };
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    /// What lies at a path, behind links; `None` where nothing does.
    fn resolved(&self, path: &Path) -> Result<Option<Metadata>> {
        match fs::metadata(path) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(self.unreadable(path, &error)),
            Err(_) => Ok(None),
        }
    }

    fn told(&self, path: &Path) -> String {
        label(self.folder, path)
    }

    fn unreadable(&self, path: &Path, error: &std::io::Error) -> String {
        format!("cannot read `{}`: {error}", self.told(path))
    }

    /// A link behind which nothing can be read.
    fn broken(&self, link: &Path, error: &std::io::Error) -> String {
        let to = fs::read_link(link).map(|to| text::path(&to).into_owned()).unwrap_or_default();
        let link = self.told(link);
        let round = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        match error.kind() {
            _ if round => format!("`{link}` is a link to `{to}`, which leads back to it"),
            ErrorKind::NotFound => format!("`{link}` is a link to `{to}`, which is not there"),
            _ => format!("`{link}` is a link to `{to}`, which cannot be read: {error}"),
        }
    }
}

/// A path as people know it: relative to the pipeline's folder where it lies below.
pub(super) fn label(folder: &Path, path: &Path) -> String {
    text::path(path.strip_prefix(folder).unwrap_or(path)).into_owned()
}

fn hidden(path: &Path) -> bool {
    path.file_name().map(OsStr::as_bytes).is_some_and(|name| name.starts_with(b"."))
}

fn lies_in_store(path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|path| path.ancestors().any(Store::is_at))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct World(tempfile::TempDir);

    impl World {
        /// A folder with these files.
        fn with(names: &[&[u8]]) -> Self {
            let world = Self(tempfile::tempdir().unwrap());
            for name in names {
                world.write(name);
            }
            world
        }

        fn path(&self, name: &[u8]) -> PathBuf {
            self.0.path().join(OsStr::from_bytes(name))
        }

        fn write(&self, name: &[u8]) {
            fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fs::write(self.path(name), name).unwrap();
        }

        fn link(&self, name: &str, to: &str) {
            fs::create_dir_all(self.path(name.as_bytes()).parent().unwrap()).unwrap();
            symlink(to, self.path(name.as_bytes())).unwrap();
        }

        fn find(&self, pattern: &str) -> std::result::Result<Vec<String>, String> {
            let found = files(self.0.path(), pattern)?;
            Ok(found.iter().map(|path| label(self.0.path(), path)).collect())
        }

        fn found(&self, pattern: &str) -> String {
            self.find(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).join(" ")
        }
    }

    #[test]
    fn patterns_mean_what_they_meant() {
        let world = World::with(&[b"a.w", b"d/b.w", b"d/e/c.w", b"d/e/.h/x.w", b"d/[1].w", b"d/.z.w"]);
        assert_eq!(world.found("*.w"), "a.w");
        assert_eq!(world.found("**/*.w"), "a.w d/[1].w d/b.w d/e/c.w");
        assert_eq!(world.found("d/**/**/c.w"), "d/e/c.w");
        assert_eq!(world.found("d/**"), "d/[1].w d/b.w d/e/c.w");
        assert_eq!(world.found("./d/[a-b].w"), "d/b.w");
        assert_eq!(world.found("d/[1].w"), "d/[1].w", "what is there is no pattern");
        assert_eq!(world.found("d/.*.w"), "d/.z.w", "the dot is written");
        assert_eq!(world.found("*/e/.h/*"), "d/e/.h/x.w");
        assert_eq!(world.found(&format!("{}/d/?.w", world.0.path().display())), "d/b.w");
        assert_eq!(world.find("d/*.q").unwrap_err(), "no file matches `d/*.q`");
        assert_eq!(world.find("d/e*").unwrap_err(), "no file matches `d/e*`");
        assert!(world.find("a**b").unwrap_err().starts_with("`a**b` is no pattern"));
        assert!(world.find("[").unwrap_err().starts_with("`[` is no pattern"));
    }

    #[test]
    fn links_are_followed_to_files_and_folders() {
        let world = World::with(&[b"blobs/1", b"blobs/2", b"plain/own"]);
        world.link("snapshot/config.json", "../blobs/1");
        world.link("snapshot/more", "../plain");
        world.link("alias", "snapshot");
        assert_eq!(world.found("snapshot"), "snapshot/config.json snapshot/more/own");
        assert_eq!(world.found("alias"), "alias/config.json alias/more/own");
        assert_eq!(world.found("snapshot/*.json"), "snapshot/config.json");
        assert_eq!(world.found("*/more/*"), "alias/more/own snapshot/more/own");
        assert_eq!(world.found("alias/**/own"), "alias/more/own");
        // The same folder by two ways is no loop.
        world.link("both/one", "../plain");
        world.link("both/two", "../plain");
        assert_eq!(world.found("both"), "both/one/own both/two/own");
    }

    #[test]
    fn links_that_lead_nowhere_or_round_are_named() {
        let world = World::with(&[b"d/a.w"]);
        world.link("d/gone.w", "elsewhere");
        let gone = "`d/gone.w` is a link to `elsewhere`, which is not there";
        for pattern in ["d", "d/*.w", "**/*.w", "d/gone.w", "d/**"] {
            assert_eq!(world.find(pattern).unwrap_err(), gone, "{pattern}");
        }
        assert_eq!(world.found("d/a*"), "d/a.w", "what does not match is not looked at");
        fs::remove_file(world.path(b"d/gone.w")).unwrap();

        world.link("d/up", "..");
        for pattern in ["d", "d/**/*.w", "d/**"] {
            assert_eq!(
                world.find(pattern).unwrap_err(),
                "`d/up` is a link to a folder that it lies in",
                "{pattern}"
            );
        }
        assert_eq!(world.found("d/*"), "d/a.w");
        fs::remove_file(world.path(b"d/up")).unwrap();

        world.link("d/self", "self");
        assert_eq!(world.find("d").unwrap_err(), "`d/self` is a link to `self`, which leads back to it");
    }

    #[test]
    fn hidden_entries_are_no_input() {
        let world = World::with(&[b".git/config", b"d/.DS_Store", b".hidden/a"]);
        world.link("d/.gone", "nowhere");
        assert_eq!(
            world.find("d").unwrap_err(),
            "the folder `d` holds no files, those that are hidden aside"
        );
        world.write(b"d/a");
        assert_eq!(world.found("."), "d/a");
        assert_eq!(world.found("**/*"), "d/a");
        assert_eq!(world.found(".hidden"), ".hidden/a", "who names it means it");
        fs::create_dir(world.path(b"none")).unwrap();
        assert_eq!(world.find("none").unwrap_err(), "the folder `none` is empty");
    }

    #[test]
    fn a_store_is_no_input() {
        for name in [".llmp", "results"] {
            let world = World::with(&[b"a.html"]);
            let root = world.path(name.as_bytes());
            Store::open(&root).unwrap();
            fs::create_dir_all(root.join("out/main/docs")).unwrap();
            fs::write(root.join("out/main/docs/x.html"), "x").unwrap();
            assert_eq!(world.found("."), "a.html");
            assert_eq!(world.found("**/*.html"), "a.html");
            let inside = format!("{name}/out/main/docs");
            let told = world.find(&inside).unwrap_err();
            assert_eq!(told, format!("`{inside}` lies in a store of llmp, which is no input"));
            world.link("latest", &inside);
            for pattern in [".", "*/*.html", "**/*.html"] {
                let told = world.find(pattern).unwrap_err();
                assert_eq!(told, "`latest` is a link into a store of llmp, which is no input", "{pattern}");
            }
        }
    }

    #[test]
    fn names_are_bytes() {
        let world = World::with(&[b"a.html", b"caf\xe9.html", b"\xff/b.html"]);
        assert_eq!(world.found("."), "a.html caf\\xE9.html \\xFF/b.html");
        assert_eq!(world.found("*.html"), "a.html caf\\xE9.html");
        assert_eq!(world.found("caf?.html"), "caf\\xE9.html");
        assert_eq!(world.found("**/b.html"), "\\xFF/b.html");
    }
}
