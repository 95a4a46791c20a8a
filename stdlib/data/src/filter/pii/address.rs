//! Street addresses in North American and British forms: number, name, kind of street, and what follows of flat, town,
//! state and code.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        \b \d{1,6} (?: [A-Za-z] | -\d{1,4} )? ,? \s
        (?: (?: N|S|E|W|NE|NW|SE|SW|North|South|East|West )\.? \s )?
        (?: (?: [A-Z][\w'’.\-]* | \d{1,3}(?:st|nd|rd|th) | of | the | and ) \s ){1,4}
        (?: Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Way|Terrace|Ter
          | Parkway|Pkwy|Circle|Cir|Highway|Hwy|Close|Crescent|Cres|Gardens|Grove|Mews|Row|Trail|Turnpike|Pike|Loop|Alley )
        \b \.?
        (?: \s (?: N|S|E|W|NE|NW|SE|SW ) \b \.? )?
        (?: ,? \s (?: Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room ) \.? \s? \#? \w{1,6} | ,? \s \# \s? \w{1,6} )?
        (?: ,? \s+ [A-Z][A-Za-z.\-]+ (?: \s [A-Z][A-Za-z.\-]+ ){0,2} ,? \s+
            (?: [A-Z]{2} \s+ \d{5} (?: -\d{4} )? | [A-Z]{1,2}\d[A-Z\d]? \s \d[A-Z]{2} ) \b )?
        | \b P\.?\s?O\.? \s Box \s \d{1,6} \b
        ",
    )
    .expect("the expression is valid")
});

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    ADDRESS.find_iter(text).map(|found| found.range()).collect()
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn addresses_are_found_with_what_belongs_to_them() {
        for address in [
            "221B Baker Street",
            "1600 Pennsylvania Avenue NW, Washington, DC 20500",
            "350 5th Ave",
            "742 N. Evergreen Ter., Apt 3",
            "10 Downing Street, London SW1A 2AA",
            "P.O. Box 1234",
        ] {
            let text = format!("Write to {address} now");
            let found: Vec<&str> = find(&text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, [address]);
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in
            ["In 1999 the road was long", "5 Ways to Court Success", "10 people on the street", "2 Drive"]
        {
            assert!(find(text).is_empty(), "{text}");
        }
    }
}
