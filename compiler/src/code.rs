//! The codes of diagnostics: one constant each, with its page.
//!
//! A new code is a line of the table below and a page `explain/CODE.md`, which has to be there for the
//! compiler to build.

use std::fmt;

use serde::{Serialize, Serializer};

/// What identifies a message for people and programs, e.g. `E0301`. It never changes; the message's words
/// may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    text: &'static str,
    nature: Nature,
}

/// What a message is about, as far as it decides what is done with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nature {
    /// Text that cannot be read: never the consequence of another message.
    Syntax,
    /// A name that is not defined: where a definition could not be read, its consequence.
    Name,
    /// A value that is not given: where a profile is unknown, perhaps its consequence.
    Missing,
    /// Something without effect: editors draw it faintly.
    Idle,
    /// Anything else.
    Plain,
}

impl Code {
    /// The code with this text.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        PAGES.iter().map(|&(code, _)| code).find(|code| code.text == text)
    }

    /// `E0301`
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.text
    }

    /// Its page in Markdown: what it means, with examples.
    #[must_use]
    pub fn page(self) -> &'static str {
        PAGES.iter().find(|(code, _)| *code == self).map_or("", |(_, page)| page)
    }

    /// What its messages are about.
    #[must_use]
    pub const fn nature(self) -> Nature {
        self.nature
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.text)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text, formatter)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text)
    }
}

/// Declares the constants and the table of pages.
macro_rules! codes {
    ($($code:ident $name:ident $nature:ident)*) => {
        $(
            #[doc = concat!("`", stringify!($code), "`")]
            pub const $name: Code = Code { text: stringify!($code), nature: Nature::$nature };
        )*

        /// Every code with its page, by code.
        pub(crate) const PAGES: &[(Code, &str)] =
            &[$(($name, include_str!(concat!("explain/", stringify!($code), ".md")))),*];
    };
}

codes! {
    E0001 FILE_TOO_LARGE            Syntax
    E0002 TEXT_TOO_DEEP             Syntax
    E0003 BRACKET_NEVER_CLOSED      Syntax
    E0004 BRACKET_CLOSES_NOTHING    Syntax
    E0005 QUOTE_MISSING             Syntax
    E0006 UNKNOWN_ESCAPE            Syntax
    E0007 SINGLE_QUOTES             Syntax
    E0008 NO_ITEM                   Syntax
    E0009 UNEXPECTED                Syntax
    E0010 VALUE_MISSING             Syntax
    E0011 NAME_MISSING              Syntax
    E0012 TYPE_MISSING              Syntax
    E0013 EQUALS_SIGN               Syntax
    E0014 COMMENT_SIGN              Syntax
    E0015 SEMICOLON                 Syntax
    E0016 PIPE_SIGN                 Syntax
    E0017 UNKNOWN_OPERATOR          Syntax
    E0018 WORD_BEFORE_NAME          Syntax
    E0019 STAGE_MISSING             Syntax
    E0020 INCOMPLETE_IF             Syntax
    E0021 INCOMPLETE_DEFINITION     Syntax
    E0022 TWO_RESULTS               Syntax
    E0023 NAME_WITH_DOTS            Syntax
    E0024 RANGE_MISSING             Syntax
    E0025 NOT_QUITE_A_NUMBER        Syntax
    E0026 IMPORT_PATH_MISSING       Syntax
    E0028 STRAY_COMMA               Syntax
    E0029 UNKNOWN_SIGN              Syntax
    E0030 WORD_WITH_ARGUMENTS       Syntax
    E0031 RESULT_TYPE_MISSING       Syntax
    E0032 KEYWORD_AS_NAME           Syntax
    E0033 SIGN_BEFORE_NAME          Syntax
    E0101 UNKNOWN_NAME              Name
    E0102 NAME_TAKEN                Plain
    E0103 FILE_UNREADABLE           Plain
    E0104 IMPORT_OUTSIDE            Plain
    E0105 IMPORT_CIRCLE             Plain
    E0106 TOO_MANY_FILES            Plain
    E0107 CIRCLE                    Plain
    E0108 RECURSION                 Plain
    E0109 NAME_NOT_IMPORTED         Plain
    E0110 UNKNOWN_CALLEE            Name
    E0111 UNKNOWN_PROFILE           Name
    E0112 NOTHING_TO_OVERRIDE       Name
    E0113 BINDING_OUTSIDE           Plain
    E0115 BINDING_WITHOUT_SETTINGS  Plain
    E0116 AMBIGUOUS_OVERRIDE        Plain
    E0117 UNKNOWN_EDITION           Plain
    E0201 WRONG_KIND                Plain
    E0202 MISSING_ABILITY           Plain
    E0203 TWO_VOCABULARIES          Plain
    E0204 INPUT_MISSING             Plain
    E0205 TOO_MANY_ARGUMENTS        Plain
    E0206 UNKNOWN_INPUT             Plain
    E0207 INPUT_TWICE               Plain
    E0208 UNKNOWN_SETTING           Plain
    E0209 SETTING_MISSING           Missing
    E0210 SETTING_TWICE             Plain
    E0211 WRONG_TYPE                Plain
    E0212 UNIT_MISSING              Plain
    E0213 WRONG_UNIT                Plain
    E0214 UNKNOWN_UNIT              Plain
    E0215 OUT_OF_RANGE              Plain
    E0216 NOT_WHOLE                 Plain
    E0217 NOT_A_CHOICE              Plain
    E0218 NUMBER_TOO_LARGE          Plain
    E0219 UNDECIDED_IF              Plain
    E0220 VALUE_AS_BINDING          Plain
    E0221 NOT_A_VALUE               Plain
    E0222 NOT_AN_ARTIFACT           Plain
    E0223 WRONG_OPERANDS            Plain
    E0224 PARAM_MISSING             Missing
    E0225 MISPLACED_EACH            Plain
    E0226 DIFFERENT_ALTERNATIVES    Plain
    E0228 LIST_FOR_ONE              Plain
    E0229 DIVISION_BY_ZERO          Plain
    E0230 VALUE_TOO_DEEP            Plain
    E0231 NOT_A_STAGE               Plain
    E0232 UNKNOWN_TYPE              Plain
    E0233 TYPE_ARGUMENTS            Plain
    E0234 MISPLACED_TYPE            Plain
    E0236 UNKNOWN_PROPERTY          Plain
    E0237 BAD_PROPERTY              Plain
    E0238 SHARD_OF_NOTHING          Plain
    E0239 NO_COMMAND                Plain
    E0240 ARTIFACT_DEFAULT          Plain
    E0241 BAD_RANGE                 Plain
    E0243 UNREADABLE_OVERRIDE       Plain
    E0244 BINDING_REPLACED          Plain
    E0245 UNKNOWN_MEASURE           Plain
    E0246 NOT_AN_EXPECTATION        Plain
    E0247 BAD_MEASURE               Plain
    E0248 UNKNOWN_PLACE             Plain
    E0249 COMMAND_MISSING           Plain
    E0301 HEADS                     Plain
    E0302 CONTAMINATION             Plain
    E0303 TOO_MANY_STAGES           Plain
    E0304 CALLS_TOO_DEEP            Plain
    E0305 KNOWN_AND_UNKNOWN         Plain
    E0306 SPECIAL_TOKENS            Plain
    E0307 ANSWER_BEYOND_CONTEXT     Plain
    E0308 BANDS                     Plain
    E0309 BROKEN_RULE               Plain
    E0401 TOO_LITTLE_MEMORY         Plain
    E0402 TOO_LITTLE_DISK           Plain
    E0403 TOO_FEW_GPUS              Plain
    E0501 NOT_AS_EXPECTED           Plain
    W0001 LOST_DOCUMENTATION        Plain
    W0100 NOT_LISTED                Plain
    W0101 UNUSED                    Idle
    W0102 PERSONAL_DATA             Plain
    W0103 RESULTS_BEYOND_CONTEXT    Plain
    W0104 SINGLE_STEP               Plain
    W0105 NOTHING_TO_SEARCH         Plain
    W0106 LICENCES                  Plain
    W0107 MISSPELT_LICENCE          Plain
    W0108 WITHOUT_EFFECT            Plain
    W0109 NOT_CLEARED               Plain
    W0120 ONLY_WORDS                Plain
    W0401 TOO_MANY_EPOCHS           Plain
}
