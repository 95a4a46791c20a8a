//! `docs.first`: the first documents of all shards together.

use llmp_artifacts::docs::{Reader, Writer};
use llmp_stage::{Context, Result};
use serde::Deserialize;

use crate::shards::pass_on;

/// The settings of `docs.first`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many documents are kept.
    pub documents: u64,
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut left = settings.documents;
    for file in ctx.input("docs")?.with_suffix(".parquet") {
        ctx.proceed()?;
        let reader = Reader::open(&file.path)?;
        let (rows, taken) = (reader.rows(), reader.rows().min(left));
        left -= taken;
        if taken == rows {
            pass_on(file, ctx.output())?;
        } else {
            let mut writer = Writer::create(&ctx.output().join(&file.name))?;
            let taken = usize::try_from(taken).unwrap_or(usize::MAX);
            reader.take(taken).try_for_each(|doc| writer.write(doc?))?;
            writer.finish()?;
        }
        ctx.count("documents", taken);
        if rows > taken {
            ctx.count("dropped.first.later", rows - taken);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use llmp_artifacts::docs::Doc;
    use llmp_stage::testing::TestContext;

    use super::*;

    #[test]
    fn the_first_of_all_shards_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let docs = folder.path().join("docs");
        std::fs::create_dir(&docs).expect("made");
        for (name, count) in [("a.parquet", 3), ("b.parquet", 4), ("c.parquet", 2)] {
            let mut writer = Writer::create(&docs.join(name)).expect("made");
            (0..count).for_each(|number| {
                writer.write(Doc { text: format!("{number}"), ..Doc::default() }).expect("written");
            });
            writer.finish().expect("written");
        }
        let kept = |documents| {
            let ctx =
                TestContext::new(&folder.path().join(format!("{documents}"))).with_folder("docs", &docs);
            run(&ctx, Settings { documents }).expect("it runs");
            assert_eq!(ctx.counted("documents") + ctx.counted("dropped.first.later"), 9);
            ["a", "b", "c"].map(|shard| {
                let path = ctx.output().join(format!("{shard}.parquet"));
                Reader::open(&path).expect("opens").rows()
            })
        };
        assert_eq!([kept(0), kept(5), kept(100)], [[0, 0, 0], [3, 2, 0], [3, 4, 2]]);
    }
}
