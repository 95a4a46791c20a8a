//! Names of stages as people type them: a member of a family without the brackets that a shell wants quoted.

/// Whether `typed` means the stage `name`: the name itself without blanks, `base.lr=0.02` or `base@0.02` for
/// `base[lr=0.02]`. What is left out of a member's settings may be anything.
pub(super) fn means(typed: &str, name: &str) -> bool {
    let Some((family, settings)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) else {
        return false;
    };
    let settings: Vec<(&str, &str)> = settings.split(',').filter_map(pair).collect();
    let last = family.rsplit('/').next().unwrap_or(family);
    let rest = [family, last].iter().find_map(|stem| typed.strip_prefix(stem));
    let Some((mark, parts)) = rest.and_then(|rest| Some((rest.chars().next()?, rest.get(1..)?))) else {
        return false;
    };
    if !matches!(mark, '.' | '@' | '[') {
        return false;
    }
    let mut parts = parts.trim_end_matches(']').split([',', '@']).map(str::trim).peekable();
    if parts.peek().is_none_or(|part| part.is_empty()) {
        return false;
    }
    parts.all(|part| match pair(part) {
        Some((key, value)) => settings
            .iter()
            .any(|&(name, set)| set == value && (name == key || name.rsplit('.').next() == Some(key))),
        None => mark == '@' && settings.iter().any(|(_, set)| *set == part),
    })
}

/// A member's name as no shell reads anything into it: `base.lr=0.02`.
pub(super) fn short(name: &str) -> Option<String> {
    let (family, settings) = name.strip_suffix(']')?.split_once('[')?;
    Some(format!("{family}.{}", settings.replace(", ", ",")))
}

fn pair(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once('=')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::means;

    #[test]
    fn a_member_is_named_without_brackets() {
        let member = "base[lr=0.02, width=64]";
        for typed in [
            "base.lr=0.02",
            "base@0.02",
            "base@64",
            "base[lr=0.02]",
            "base.lr=0.02,width=64",
            "base@lr=0.02@64",
        ] {
            assert!(means(typed, member), "{typed}");
        }
        for typed in
            ["base", "base.lr=0.03", "base@0.03", "bas@0.02", "base.", "base@", "base.0.02", "base2@64"]
        {
            assert!(!means(typed, member), "{typed}");
        }
        assert!(
            means("base@0.02", "train/base[lr=0.02]") && means("train/base.lr=0.02", "train/base[lr=0.02]")
        );
        assert!(!means("base@0.02", "base"), "no family");
        let short = super::short(member).unwrap();
        assert_eq!(short, "base.lr=0.02,width=64");
        assert!(means(&short, member));
    }
}
