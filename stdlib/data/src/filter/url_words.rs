//! Words that give a page's subject away in its URL: short lists by category.
//!
//! They are chosen to be wrong seldom rather than to find much: no list of words replaces a list of hosts.
//! Parts of names were chosen with half of UT1's lists of hosts beside lists of shops, banks, the press and
//! others (`examples/url_words.rs` counts what they find in the other half). For violence, hate and malware
//! they hold known sites.

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
    /// Contempt for people by their origin or belief.
    Hate,
    /// Harmful programs, and pages that pass for others to get passwords.
    Malware,
    /// Medicine without prescription.
    Pharmacy,
    /// Copies without licence.
    Piracy,
    /// Pictures of killing and torture.
    Violence,
}

impl Category {
    /// The word for it in settings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Dating => "dating",
            Self::Gambling => "gambling",
            Self::Hate => "hate",
            Self::Malware => "malware",
            Self::Pharmacy => "pharmacy",
            Self::Piracy => "piracy",
            Self::Violence => "violence",
        }
    }

    /// Whether words find most hosts of the category, as `examples/url_words.rs` counts them.
    pub(super) fn is_told_by_words(self) -> bool {
        matches!(self, Self::Gambling)
    }
}

/// The lists of a category, separated by white space.
pub(super) struct Lists {
    /// One such word is enough.
    pub(super) hard: &'static str,
    /// Several such words are needed.
    pub(super) soft: &'static str,
    /// May stand nowhere in the letters and digits of the URL.
    pub(super) parts: &'static str,
    /// May stand nowhere in the host's name. A dash stands for a border of a word there: anything but a
    /// letter.
    pub(super) names: &'static str,
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
            names: "porn xxx hentai xnxx xvideo xhamster redtube youjizz spankbang -sexcam camsex sexchat -livesex \
                    sexshop sexvideo sexfilm freesex sextube sexe- sexy- sexo- -sexkontakt sextreff -milf- milfs- \
                    blowjob gangbang bukkake creampie cumshot handjob deepthroat -bdsm- fetish erotic erotik escort- \
                    escorts- -escort callgirl camgirl chaturbate livejasmin stripchat bongacams -nudes- -nude- naked- \
                    -naked -fuck pussy -boobs bigtits -tits -cunt- shemale tranny- lesbian- -slut- sluts whore -putas \
                    -hotwife nudist- -nsfw- onlyfans hardcoresex gaysex teensex analsex orgasm masturbat -swinger \
                    swingers- voyeur -upskirt -incest- peepshow striptease -dildo -sex- sex4 bondage- bigcock -cock- \
                    -cocks",
        },
        Category::Dating => Lists {
            hard: "hookup hookups datings sugardaddy",
            soft: "brides chat date dating flirt girls love match mail meet online order singles women",
            parts: "onlinedating datingsite hookupsite mailorderbride",
            names: "dating- -dating dating4 datings speeddat dateclub rencontre -rdv- -singles- singles- -singles \
                    single- passions- matrimon matchmak -flirt flirt- russianbrid -brides- ladydate meetic- -tchat- \
                    personals- cupid- -cupid hookup- -hookup sugardadd sugarbab celibatair partnersuche partnerboerse \
                    kontaktanzeig singleboerse loveplanet mailorderbride friendfinder -meetsingle ncontres- ncontre- \
                    adultfriend plentyoffish okcupid- -tinder- badoo -citas- encuentros- znakomstv -mamba- lavalife \
                    eharmony cougardat milfdat",
        },
        Category::Gambling => Lists {
            hard: "casino casinos roulette blackjack baccarat sportsbook bookmaker bookmakers betting slots togel \
                   jackpots",
            soft: "bet bets bonus bonuses deposit free gamble gambling jackpot lottery money online play poker slot \
                   spin spins win",
            parts: "onlinecasino casinoonline freespins pokeronline slotonline",
            names: "casino kasino cazino casyno -poker poker- gambl vulkan vulcan- -slots- slots- -slot- slot- -slot \
                    gameslot slotgac blackjack blekdzhek jackpot- roulette ruletka -lottery lottery- -loterie -lotto- \
                    lotto- -bingo bingo- sportsbook sportsbet sportbet betting- -betting -bet- bet1 bet2 bet3 bet4 bet5 bet6 bet7 bet8 bet9 xbet- sbet- nbet- ybet- ubet- dbet- obet- gobet- megabet winbet 1xbet -betwin \
                    betonline onlinebet bookmaker bukmeker bookie- togel- -togel -judi- judionline -pokies pokies- \
                    baccarat stavki- igrovie-avtomaty igrovye avtomaty- freespin parionssport pariuri wettanbieter \
                    sportwetten -wetten- 1win- -1win mostbet pinup-bet betsson betfair betway- bwin- unibet- 888poker- \
                    pokerstar partypoker ladbrokes- williamhill- paddypower- livescore-bet spelautomat gokkast \
                    tragamonedas apuestas- apuesta- joker123 scr888 918kiss mega888 sbobet qqslot domino99 dominoqq \
                    bandarq pokerqq taixiu nhacai fun88 w88- kubet- okbet- -azino joycasino",
        },
        Category::Pharmacy => Lists {
            hard: "viagra cialis levitra kamagra tramadol xanax phentermine",
            soft: "buy cheap drugs generic mg online order pharmacy pill pills prescription without",
            parts: "buyviagra buycialis onlinepharmacy",
            names: "viagra cialis levitra kamagra onlinepharm pharmacyonline canadianpharm cheapmeds buymeds buypills tramadol",
        },
        Category::Piracy => Lists {
            hard: "warez keygen keygens torrent torrents putlocker 123movies fmovies",
            soft: "activation crack cracked download free full hd key license movie movies nulled patch rip serial \
                   stream watch",
            parts: "freedownloadcrack thepiratebay fullcrack",
            names: "warez torrent -torrents putlocker 123movie fmovies gomovies solarmovie yesmovies primewire soap2day \
                    piratebay thepirate kickass- kickasst 1337x- -yts- rarbg- limetorrent extratorrent demonoid keygen \
                    serialkey crackedsoft crackz- -cracks- nulled- ddlstream zone-telechargement cpasbien zalukaj \
                    baixarfilme filmesonline assistirfilm streamingfilm filmstreaming seriesstream streamserie \
                    altadefinizione cineblog01 wawacity -ddl- ddl- fullcrack crackpc getintopc mp3skull mp3juice beemp3 \
                    libgen- sci-hub- scihub- -b-ok- zlibrary z-lib- vipbox- streameast crackstreams sportsurge hesgoal \
                    rojadirecta livetv- freemovies- watchseries- watchfree moviesfree popcorntime- -divx- aovivo futemax \
                    animesonline megafilmes pelisplus pelisonline repelis cuevana gnula- hdfull",
        },
        Category::Hate => Lists {
            hard: "holohoax untermensch siegheil stormfront",
            soft: "aryan nazi racial race supremacy white zionist jew jews kike goyim negro nigger niggers",
            parts: "stormfront dailystormer whitepower holohoax",
            names: "stormfront dailystormer whitepower- whitepride- -vdare- -kkk- holohoax siegheil- nigger- niggers -natall- aryannation \
                    jewwatch- nsm88 creativitymovement whitecivilrights",
        },
        Category::Malware => Lists {
            hard: "keylogger keyloggers stresser booter",
            soft: "account apple bank billing confirm login paypal recover secure signin suspended unlock update verify \
                   wallet webscr",
            parts: "paypalsecure appleidverify signinverify verifyyouraccount",
            names: "paypal-secur secure-paypal -appleid appleid- icloud-find account-verif verify-account secure-login login-secure signin-verif \
                    billing-update update-billing -stresser- stresser- booter- keylogger- coinhive cryptoloot webminepool coin-hive",
        },
        Category::Violence => Lists {
            hard: "beheading beheadings snuff goregrish bestgore",
            soft: "blood bloody brutal corpse corpses dead death execution gore gory graphic kill killed killing murder \
                   shooting stabbed torture uncensored",
            parts: "bestgore goregrish watchpeopledie liveleak",
            names: "bestgore goregrish -theync- liveleak- kaotic- documentingreality -ogrish crazyshit- deathaddict goreseries- deepgore watchpeopledie \
                    runthegauntlet seegore- goresee- efukt- -gore- thegore xgore-",
        },
    }
}
