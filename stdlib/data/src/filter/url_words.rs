//! Words that give a page's subject away in its URL: short English lists by category.
//!
//! They are chosen to be wrong seldom rather than to find much: no list of words replaces a list of hosts.

use serde::Deserialize;

/// What a list is about.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Pornography and escorts.
    Adult,
    /// Dating.
    Dating,
    /// Casinos and betting.
    Gambling,
    /// Medicine without prescription.
    Pharmacy,
    /// Copies without licence.
    Piracy,
}

/// The lists of a category, separated by white space.
pub(super) struct Lists {
    /// One such word is enough.
    pub(super) hard: &'static str,
    /// Several such words are needed.
    pub(super) soft: &'static str,
    /// May stand nowhere in the letters and digits of the URL.
    pub(super) parts: &'static str,
}

pub(super) fn lists(category: Category) -> Lists {
    match category {
        Category::Adult => Lists {
            hard: "porn porno porns pornos xxx hentai milf milfs blowjob blowjobs handjob cumshot cumshots creampie \
                   gangbang bukkake camgirl camgirls fetish nudes nsfw escorts upskirt deepthroat incest bdsm",
            soft: "adult anal ass babe babes cam cams cock cum dick erotic erotica escort fuck fucking gay girls hot \
                   horny lesbian mature naked naughty nude orgy pussy sex sexy shemale slut teen teens tits webcam \
                   wife",
            parts: "pornhub xvideos xhamster redtube youporn freeporn pornstar sexcam livesex",
        },
        Category::Dating => Lists {
            hard: "hookup hookups datings sugardaddy",
            soft: "brides chat date dating flirt girls love match mail meet online order singles women",
            parts: "onlinedating datingsite hookupsite mailorderbride",
        },
        Category::Gambling => Lists {
            hard: "casino casinos roulette blackjack baccarat sportsbook bookmaker bookmakers betting slots togel \
                   jackpots",
            soft: "bet bets bonus bonuses deposit free gamble gambling jackpot lottery money online play poker slot \
                   spin spins win",
            parts: "onlinecasino casinoonline freespins pokeronline slotonline",
        },
        Category::Pharmacy => Lists {
            hard: "viagra cialis levitra kamagra tramadol xanax phentermine",
            soft: "buy cheap drugs generic mg online order pharmacy pill pills prescription without",
            parts: "buyviagra buycialis onlinepharmacy",
        },
        Category::Piracy => Lists {
            hard: "warez keygen keygens torrent torrents putlocker 123movies fmovies",
            soft: "activation crack cracked download free full hd key license movie movies nulled patch rip serial \
                   stream watch",
            parts: "freedownloadcrack thepiratebay fullcrack",
        },
    }
}
