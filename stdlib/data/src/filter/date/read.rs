//! Dates as pages write them.

/// A day as year, month and day, which compare as days do.
pub(super) type Day = (u16, u8, u8);

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The first and the last day that a text may mean; `None` where it is no date.
pub(super) fn read(text: &str) -> Option<(Day, Day)> {
    let text = text.trim();
    numbers_first(text).or_else(|| with_month_name(text))
}

/// A day that is written `2024-01-31`, and nothing else.
pub(super) fn exact(text: &str) -> Option<Day> {
    let day = read(text).filter(|(first, last)| first == last)?.0;
    (text == format!("{:04}-{:02}-{:02}", day.0, day.1, day.2)).then_some(day)
}

fn numbers_first(text: &str) -> Option<(Day, Day)> {
    let mut rest = text;
    let mut parts: Vec<(u32, usize)> = Vec::new();
    let mut signs: Vec<char> = Vec::new();
    while parts.len() < 3 {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 || length > 8 {
            break;
        }
        parts.push((rest[..length].parse().ok()?, length));
        rest = &rest[length..];
        let Some(sign) = rest.chars().next() else { break };
        if !matches!(sign, '-' | '/' | '.' | '年' | '月' | '日') {
            break;
        }
        signs.push(sign);
        rest = rest[sign.len_utf8()..].trim_start();
    }
    match *parts.as_slice() {
        [(whole, 8)] => one(whole / 10_000, whole / 100 % 100, whole % 100),
        [(year, 4)] if rest.is_empty() => span(year, None),
        [(year, 4), (month, 1..=2)] => span(year, Some(month)),
        [(year, 4), (month, 1..=2), (day, 1..=2)] => one(year, month, day),
        [(day, 1..=2), (month, 1..=2), (year, 4)] if signs.first() == Some(&'.') => one(year, month, day),
        [(left, 1..=2), (right, 1..=2), (year, 4)] => {
            // Europe puts the day first, America the month.
            let both: Vec<Day> = [one(year, right, left), one(year, left, right)]
                .into_iter()
                .flatten()
                .map(|(day, _)| day)
                .collect();
            Some((*both.iter().min()?, *both.iter().max()?))
        }
        _ => None,
    }
}

fn with_month_name(text: &str) -> Option<(Day, Day)> {
    let words = text.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).take(8);
    let (mut month, mut day, mut year) = (None, None, None);
    for word in words {
        let lower = word.to_lowercase();
        let number = lower.trim_end_matches(|sign: char| sign.is_alphabetic());
        if let Some(found) =
            MONTHS.iter().position(|name| lower.starts_with(name)).filter(|_| month.is_none())
        {
            month = Some(found as u32 + 1);
        } else if number.len() == 4 && number.len() == lower.len() && year.is_none() {
            year = number.parse().ok();
        } else if matches!(number.len(), 1 | 2) && day.is_none() {
            day = number.parse().ok();
        }
    }
    match day {
        Some(day) => one(year?, month?, day),
        None => span(year?, Some(month?)),
    }
}

/// One day, if it is one.
fn one(year: u32, month: u32, day: u32) -> Option<(Day, Day)> {
    let last = last_of(year, month)?;
    let day = (
        u16::try_from(year).ok()?,
        month as u8,
        u8::try_from(day).ok().filter(|day| (1..=last).contains(day))?,
    );
    Some((day, day))
}

/// A month, or a year.
fn span(year: u32, month: Option<u32>) -> Option<(Day, Day)> {
    let (first, last) = (month.unwrap_or(1), month.unwrap_or(12));
    let year_of = u16::try_from(year).ok()?;
    Some(((year_of, first as u8, 1), (year_of, last as u8, last_of(year, last)?)))
}

/// The last day of a month; of years in which there were pages, or what pages hold.
fn last_of(year: u32, month: u32) -> Option<u8> {
    if !(1_000..=9_999).contains(&year) {
        return None;
    }
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => Some(28 + u8::from(leap)),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_pages_write_them() {
        let day = (2024, 5, 3);
        for text in [
            "2024-05-03",
            "2024-05-03T10:20:30Z",
            "2024-5-3 10:20",
            "20240503",
            "2024/05/03",
            "3.5.2024",
            "03. 05. 2024",
            "2024年5月3日 12:00",
            "2024年05月03日",
            "May 3, 2024",
            "3 May 2024",
            "Fri, 03 May 2024 10:20:30 GMT",
            "May 3rd, 2024 at 5 pm",
            "Friday, 3. May 2024",
        ] {
            assert_eq!(read(text), Some((day, day)), "{text}");
        }
        assert_eq!(read("2024"), Some(((2024, 1, 1), (2024, 12, 31))));
        assert_eq!(read("2024-02"), Some(((2024, 2, 1), (2024, 2, 29))));
        assert_eq!(read("2023年2月"), Some(((2023, 2, 1), (2023, 2, 28))));
        assert_eq!(read("June 2024"), Some(((2024, 6, 1), (2024, 6, 30))));
        assert_eq!(read("03/05/2024"), Some(((2024, 3, 5), (2024, 5, 3))));
        assert_eq!(read("13/05/2024"), Some(((2024, 5, 13), (2024, 5, 13))));
        for text in [
            "",
            "yesterday",
            "2024-13-01",
            "2023-02-29",
            "32 May 2024",
            "99999999999",
            "12",
            "0000-01-01",
            "٣",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(
            ["2024-01-31", "2024-1-31", "2024-01", "31.1.2024"].map(exact),
            [Some((2024, 1, 31)), None, None, None]
        );
    }
}
