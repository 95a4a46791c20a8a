//! For serde's `with`: a number that may be unknown, which earlier versions wrote as 0. It is still written
//! so, that they read what this version writes.

use serde::{Deserialize, Deserializer, Serializer};

/// Writes 0 where nothing is known.
///
/// # Errors
/// Where the serializer refuses.
pub fn serialize<S: Serializer>(number: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(number.unwrap_or(0))
}

/// Reads 0, and nothing at all, as unknown.
///
/// # Errors
/// Where there is no number.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.filter(|&number| number > 0))
}

#[cfg(test)]
mod tests {
    use crate::{Environment, Record};

    #[test]
    fn zero_on_disk_is_unknown() {
        let read = |text: &str| serde_json::from_str::<Record>(text).unwrap().peak_memory;
        assert_eq!(read(r#"{"peak_memory":0}"#), None);
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"peak_memory":7}"#), Some(7));
        let written =
            |peak_memory| serde_json::to_value(Record { peak_memory, ..Record::default() }).unwrap();
        assert_eq!(written(None)["peak_memory"], 0, "as earlier versions read it");
        assert_eq!(written(Some(7))["peak_memory"], 7);
        let here: Environment = serde_json::from_str(r#"{"memory":0,"cores":3}"#).unwrap();
        assert_eq!((here.memory, here.cores), (None, 3));
    }
}
