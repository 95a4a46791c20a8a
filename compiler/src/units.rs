//! Numbers: exact arithmetic, suffixes and dimensions.
//!
//! Every number of a program is an exact fraction until it is lowered, so that `1.5GB` is 1 500 000 000 bytes
//! and `0.1k` is the integer 100, and so that two spellings of one quantity are one value.

use std::cmp::Ordering;
use std::fmt;

use crate::ast;

/// An exact fraction in lowest terms; the denominator is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exact {
    numerator: i128,
    denominator: i128,
}

/// More digits than a 128-bit fraction holds: beyond about 38 decimal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the number is too large or has too many digits")]
pub struct TooPrecise;

impl Exact {
    /// The whole number `value`.
    #[must_use]
    pub fn whole(value: i64) -> Self {
        Self { numerator: i128::from(value), denominator: 1 }
    }

    fn new(numerator: i128, denominator: i128) -> Result<Self, TooPrecise> {
        if denominator == 0 || numerator == i128::MIN || denominator == i128::MIN {
            return Err(TooPrecise);
        }
        let divisor = gcd(numerator, denominator) * denominator.signum();
        Ok(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// Reads `-1.5e3`.
    ///
    /// # Errors
    /// [`TooPrecise`], also for text that is no number.
    pub fn decimal(text: &str) -> Result<Self, TooPrecise> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let mut digits = whole.trim_start_matches('0').to_owned() + fraction;
        let trailing = digits.len() - digits.trim_end_matches('0').len();
        digits.truncate(digits.len() - trailing);
        if digits.is_empty() {
            return Ok(Self::whole(0));
        }
        let exponent: i64 = exponent.map_or(Ok(0), str::parse).map_err(|_| TooPrecise)?;
        let exponent = exponent.checked_add(trailing as i64).ok_or(TooPrecise)?;
        let exponent = exponent.checked_sub(fraction.len() as i64).ok_or(TooPrecise)?;
        let power = u32::try_from(exponent.unsigned_abs()).map_err(|_| TooPrecise)?;
        let scale = 10_i128.checked_pow(power).ok_or(TooPrecise)?;
        let digits: i128 = digits.parse().map_err(|_| TooPrecise)?;
        let digits = if negative { -digits } else { digits };
        match exponent < 0 {
            true => Self::new(digits, scale),
            false => Self::new(digits.checked_mul(scale).ok_or(TooPrecise)?, 1),
        }
    }

    /// The value as a whole number, where it is one.
    #[must_use]
    pub fn as_whole(self) -> Option<i128> {
        (self.denominator == 1).then_some(self.numerator)
    }

    /// The nearest binary floating-point number.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        const EXACT: i128 = 1 << 53;
        if self.numerator.abs() <= EXACT && self.denominator <= EXACT {
            return self.numerator as f64 / self.denominator as f64;
        }
        // Decimal text is rounded once, by the parser; forty digits decide every case that can occur.
        self.to_decimal(40).parse().unwrap_or(0.0)
    }

    /// Decimal text with at most `places` digits after the point; exact where that many suffice.
    fn to_decimal(self, places: usize) -> String {
        let mut text = String::new();
        if self.numerator < 0 {
            text.push('-');
        }
        let numerator = self.numerator.unsigned_abs();
        let denominator = self.denominator.unsigned_abs();
        text.push_str(&(numerator / denominator).to_string());
        let mut rest = numerator % denominator;
        if rest > 0 && places > 0 {
            text.push('.');
        }
        for _ in 0..places {
            if rest == 0 {
                break;
            }
            let (digit, next) = next_digit(rest, denominator);
            text.push(char::from(b'0' + digit));
            rest = next;
        }
        text
    }

    /// Exactly, never rounded.
    ///
    /// # Errors
    /// [`TooPrecise`] where the sum has more digits than 128 bits hold.
    pub fn plus(self, other: Self) -> Result<Self, TooPrecise> {
        let left = self.numerator.checked_mul(other.denominator).ok_or(TooPrecise)?;
        let right = other.numerator.checked_mul(self.denominator).ok_or(TooPrecise)?;
        let denominator = self.denominator.checked_mul(other.denominator).ok_or(TooPrecise)?;
        Self::new(left.checked_add(right).ok_or(TooPrecise)?, denominator)
    }

    /// The value with its sign turned.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { numerator: -self.numerator, denominator: self.denominator }
    }

    /// Exactly, never rounded.
    ///
    /// # Errors
    /// [`TooPrecise`] where the product has more digits than 128 bits hold.
    pub fn times(self, other: Self) -> Result<Self, TooPrecise> {
        let numerator = self.numerator.checked_mul(other.numerator).ok_or(TooPrecise)?;
        let denominator = self.denominator.checked_mul(other.denominator).ok_or(TooPrecise)?;
        Self::new(numerator, denominator)
    }

    /// What is left when a whole number is divided by another, never negative; `None` where either is not
    /// whole, or for a division by zero.
    #[must_use]
    pub fn remainder(self, other: Self) -> Option<Self> {
        let rest = self.as_whole()?.checked_rem_euclid(other.as_whole()?)?;
        Some(Self { numerator: rest, denominator: 1 })
    }

    /// The quotient; `None` for a division by zero.
    ///
    /// # Errors
    /// [`TooPrecise`]
    pub fn over(self, other: Self) -> Result<Option<Self>, TooPrecise> {
        if other.numerator == 0 {
            return Ok(None);
        }
        let inverse = Self::new(other.denominator, other.numerator)?;
        self.times(inverse).map(Some)
    }
}

/// One step of a long division, `rest < denominator`, without overflow.
fn next_digit(rest: u128, denominator: u128) -> (u8, u128) {
    let mut digit = 0;
    let mut sum = 0_u128;
    // rest * 10, added one by one: each partial sum stays below the denominator.
    for _ in 0..10 {
        if sum >= denominator - rest {
            sum -= denominator - rest;
            digit += 1;
        } else {
            sum += rest;
        }
    }
    (digit, sum)
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    /// Compares whole parts, then the inverses of what is left: Euclid's way, which cannot overflow.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (self.numerator, self.denominator);
        let (mut c, mut d) = (other.numerator, other.denominator);
        loop {
            let wholes = a.div_euclid(b).cmp(&c.div_euclid(d));
            let (rest_a, rest_c) = (a.rem_euclid(b), c.rem_euclid(d));
            if wholes != Ordering::Equal || rest_a == 0 || rest_c == 0 {
                return wholes.then(rest_a.signum().cmp(&rest_c.signum()));
            }
            (a, b, c, d) = (d, rest_c, b, rest_a);
        }
    }
}

impl fmt::Display for Exact {
    /// Decimal text as people write it: `0.001`, `1e-9`, `2_048` without the `_`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let small = self.numerator != 0 && self.to_f64().abs() < 1e-4;
        if small {
            write!(formatter, "{:e}", self.to_f64())
        } else {
            formatter.write_str(&self.to_decimal(12))
        }
    }
}

/// The plural of a unit, under which it is known: `1 token` counts tokens.
#[must_use]
pub fn plural(unit: &str) -> String {
    if unit.ends_with('s') { unit.to_owned() } else { format!("{unit}s") }
}

/// What a number counts or measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// A bare number, maybe with a multiplier: `30k`.
    Plain,
    /// `80%`
    Ratio,
    /// `1.5GB`, in bytes.
    Bytes,
    /// `3h`, in seconds.
    Time,
    /// `20M tokens`
    Count(String),
    /// `20x parameters`: so many times what is counted when a stage runs.
    Times(String),
}

impl Dimension {
    /// "a number", "a number of bytes", …
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Plain => "a bare number".to_owned(),
            Self::Ratio => "a ratio".to_owned(),
            Self::Bytes => "a number of bytes".to_owned(),
            Self::Time => "a duration".to_owned(),
            Self::Count(unit) => format!("a number of {unit}"),
            Self::Times(unit) => format!("a multiple of the {unit}"),
        }
    }
}

/// A number with its dimension, in base units: bytes, seconds, fractions of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// How much.
    pub value: Exact,
    /// Of what.
    pub dimension: Dimension,
}

/// Why a number literal makes no quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiteralError {
    /// The suffix is none of the known ones; the second is one that was probably meant.
    Suffix(ast::Name, Option<&'static str>),
    /// A suffix with a dimension and a unit: `3h tokens`.
    TwoUnits(ast::Name, ast::Name),
    /// A multiple of nothing: `20x`.
    TimesNothing(ast::Name),
    /// Too large or too precise.
    TooPrecise,
}

const SUFFIXES: &[(&str, i64, Kind)] = &[
    ("k", 1_000, Kind::Multiplier),
    ("M", 1_000_000, Kind::Multiplier),
    ("B", 1_000_000_000, Kind::Multiplier),
    ("G", 1_000_000_000, Kind::Multiplier),
    ("T", 1_000_000_000_000, Kind::Multiplier),
    ("kB", 1_000, Kind::Bytes),
    ("MB", 1_000_000, Kind::Bytes),
    ("GB", 1_000_000_000, Kind::Bytes),
    ("TB", 1_000_000_000_000, Kind::Bytes),
    ("KiB", 1 << 10, Kind::Bytes),
    ("MiB", 1 << 20, Kind::Bytes),
    ("GiB", 1 << 30, Kind::Bytes),
    ("TiB", 1 << 40, Kind::Bytes),
    ("s", 1, Kind::Time),
    ("min", 60, Kind::Time),
    ("h", 3_600, Kind::Time),
    ("d", 86_400, Kind::Time),
    ("%", 1, Kind::Percent),
    ("x", 1, Kind::Times),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Multiplier,
    Bytes,
    Time,
    Percent,
    Times,
}

/// All suffixes a number can have, for messages and completion.
pub fn suffixes() -> impl Iterator<Item = &'static str> {
    SUFFIXES.iter().map(|&(name, ..)| name)
}

/// Digests a number literal.
///
/// # Errors
/// See [`LiteralError`].
pub fn quantity(number: &ast::Number) -> Result<Quantity, LiteralError> {
    let value = Exact::decimal(&number.digits).map_err(|TooPrecise| LiteralError::TooPrecise)?;
    let (scale, kind) = match &number.suffix {
        None => (1, Kind::Multiplier),
        Some(suffix) => match SUFFIXES.iter().find(|&&(name, ..)| name == suffix.text) {
            Some(&(_, scale, kind)) => (scale, kind),
            None => {
                let meant = suffixes().find(|name| name.eq_ignore_ascii_case(&suffix.text));
                return Err(LiteralError::Suffix(suffix.clone(), meant));
            }
        },
    };
    let dimension = match (kind, &number.unit) {
        (Kind::Multiplier, None) => Dimension::Plain,
        (Kind::Multiplier, Some(unit)) if unit.text == "bytes" || unit.text == "byte" => Dimension::Bytes,
        (Kind::Multiplier, Some(unit)) => Dimension::Count(plural(&unit.text)),
        (Kind::Bytes, None) => Dimension::Bytes,
        (Kind::Time, None) => Dimension::Time,
        (Kind::Percent, None) => Dimension::Ratio,
        (Kind::Times, Some(unit)) => Dimension::Times(plural(&unit.text)),
        (Kind::Times, None) => {
            return Err(number.suffix.clone().map_or(LiteralError::TooPrecise, LiteralError::TimesNothing));
        }
        (_, Some(unit)) => {
            let suffix = number.suffix.clone().unwrap_or_else(|| unit.clone());
            return Err(LiteralError::TwoUnits(suffix, unit.clone()));
        }
    };
    let value = match kind {
        Kind::Percent => value.times(Exact { numerator: 1, denominator: 100 }),
        _ => value.times(Exact::whole(scale)),
    };
    let value = value.map_err(|TooPrecise| LiteralError::TooPrecise)?;
    Ok(Quantity { value, dimension })
}

/// How people write a quantity: `20M tokens`, `1.5GB`, `2h`, `80%`.
#[must_use]
pub fn display(value: Exact, dimension: &Dimension) -> String {
    match dimension {
        Dimension::Plain => number(value),
        Dimension::Ratio => match value.times(Exact::whole(100)) {
            Ok(percent) => format!("{percent}%"),
            Err(TooPrecise) => value.to_string(),
        },
        Dimension::Bytes => scaled(value, Kind::Bytes).unwrap_or_else(|| format!("{} bytes", number(value))),
        Dimension::Time => scaled(value, Kind::Time).unwrap_or_else(|| format!("{value}s")),
        Dimension::Times(unit) => format!("{value}x {unit}"),
        Dimension::Count(unit) => {
            let amount = scaled(value, Kind::Multiplier).unwrap_or_else(|| number(value));
            format!("{amount} {unit}")
        }
    }
}

fn number(value: Exact) -> String {
    match value.as_whole().and_then(|whole| u64::try_from(whole).ok()) {
        Some(whole) => grouped(whole),
        None => value.to_string(),
    }
}

/// `4_096`, `1_000_000`
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// The value in the largest unit of `kind` that leaves at most two digits after the point.
fn scaled(value: Exact, kind: Kind) -> Option<String> {
    let mut units: Vec<_> = SUFFIXES.iter().filter(|&&(name, _, of)| of == kind && name != "G").collect();
    units.sort_by_key(|&&(_, scale, _)| std::cmp::Reverse(scale));
    units.into_iter().find_map(|&(name, scale, _)| {
        let amount = value.over(Exact::whole(scale)).ok()??;
        let hundredths = amount.times(Exact::whole(100)).ok()?;
        (hundredths.as_whole().is_some() && amount >= Exact::whole(1)).then(|| format!("{amount}{name}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::decimal(text).unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(exact("1.5"), Exact { numerator: 3, denominator: 2 });
        assert_eq!(exact("1e3"), Exact::whole(1000));
        assert_eq!(exact("-0.0"), Exact::whole(0));
        assert_eq!(exact("100e-2"), Exact::whole(1));
        assert_eq!(exact("0e999999999999"), Exact::whole(0));
        assert_eq!(exact("3e-4").to_f64(), 3e-4);
        assert_eq!(exact("0.1").plus(exact("0.2")).unwrap().to_f64(), 0.3);
        assert_eq!(exact("1").over(exact("3")).unwrap().unwrap().to_f64(), 1.0 / 3.0);
    }

    #[test]
    fn decimals_round_like_the_parser() {
        for text in ["3.141592653589793238462643383279", "123456789012345678.9", "1e-30", "9007199254740993"]
        {
            assert_eq!(exact(text).to_f64(), text.parse::<f64>().unwrap(), "{text}");
        }
    }

    #[test]
    fn hostile_numbers_are_refused() {
        for text in ["1e99999999999999999999", "1e40", "1e-60", &"9".repeat(100_000)] {
            assert_eq!(Exact::decimal(text), Err(TooPrecise));
        }
        let huge = exact("1e38");
        assert_eq!(huge.times(huge), Err(TooPrecise));
    }

    #[test]
    fn order_does_not_overflow() {
        let small = exact("1e-37");
        let large = exact("123456789012345678901234567890123456.5");
        assert!(small < large && small.negated() > large.negated());
        assert!(exact("0.1") < exact("0.11") && exact("-0.1") > exact("-0.11"));
        assert_eq!(exact("0.5").cmp(&exact("5e-1")), Ordering::Equal);
    }

    #[test]
    fn quantities_read_as_written() {
        let bytes = |text| display(exact(text), &Dimension::Bytes);
        assert_eq!(bytes("1500000000"), "1.5GB");
        assert_eq!(bytes("2147483648"), "2GiB");
        assert_eq!(bytes("17"), "17 bytes");
        assert_eq!(display(exact("20e6"), &Dimension::Count("tokens".into())), "20M tokens");
        assert_eq!(display(exact("5400"), &Dimension::Time), "1.5h");
        assert_eq!(display(exact("0.655"), &Dimension::Ratio), "65.5%");
    }
}
