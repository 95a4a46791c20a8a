"""Pages that the pipeline must drop or clean, and records that are no pages."""

from sites import SITES, Site, page, prose

CASINO = Site("www.lucky-casino-poker.example", "Lucky Casino", "news", ("Slots", "Poker", "Roulette", "Bonus"), "Play with care. 18+")
ADULT = Site("free-porn-xxx.example", "Garden Pages", "blog", ("Home", "Seeds", "Tools"), "Garden Pages")
MIRRORS = {site.host: Site(f"mirror.{site.host}", f"{site.name} (mirror)", "wiki", ("Mirror list", "Status"), "This is a mirror.") for site in SITES}

GAMES = (
    "Every table in the house opens at noon and closes long after midnight.",
    "New players find a welcome bonus in their account before the first spin of the wheel.",
    "Our poker room seats two hundred players, and the weekly tournament has a large prize.",
    "The slot machines pay out more often on quiet evenings, or so the regular players say.",
    "Bets on the last race of the day have to be placed before the bell rings.",
    "Roulette is a game of chance, and the house always keeps a small part of it.",
    "You can play all of the games on your phone with real money or just for fun.",
    "The jackpot grows with each round until somebody takes it home.",
)
GARDEN = (
    "Tomatoes like a sunny wall and a deep pot that never dries out completely.",
    "Sow the beans when the soil is warm and the nights have lost their chill.",
    "A thick layer of leaves keeps the bed moist and feeds the worms that live below.",
    "Cut the roses above a bud that looks outward, and do it before the first warm days.",
    "Slugs come out after rain, so that is the time to walk around with a torch.",
    "Good compost smells of the forest and is made of equal parts green and brown.",
    "Water in the morning, close to the ground, and not on the leaves of the plants.",
    "The pear tree needs a neighbour that flowers in the same week to bear any fruit.",
)
FOREIGN = {
    "de": (
        "Am frühen Morgen liegt der Nebel noch über dem Fluss, und die ersten Händler bauen ihre Stände auf.",
        "Wer mit dem Zug ankommt, geht am besten zu Fuß durch die alte Vorstadt bis zum Marktplatz.",
        "Im Winter bleiben viele Gasthäuser geschlossen, doch die Bäckerei an der Ecke hat immer geöffnet.",
        "Die Straßenbahn fährt alle zehn Minuten und hält direkt vor dem kleinen Museum.",
        "Von der Burg aus sieht man bei klarem Wetter bis zu den Bergen im Süden.",
        "Früher wurde hier Salz gehandelt, heute leben die meisten Leute vom Tourismus.",
        "Abends sitzen die Nachbarn auf den Bänken am Ufer und erzählen sich Geschichten.",
        "Nach dem Regen riecht es in den engen Gassen nach Holz und frischem Brot.",
    ),
    "fr": (
        "Le matin, la brume couvre encore la rivière et les marchands installent leurs étals sur la place.",
        "En arrivant par le train, on traverse à pied le vieux faubourg jusqu'au marché couvert.",
        "En hiver, beaucoup d'auberges restent fermées, mais la boulangerie du coin est toujours ouverte.",
        "Le tramway passe toutes les dix minutes et s'arrête juste devant le petit musée.",
        "Depuis le château, on aperçoit les montagnes du sud lorsque le temps est clair.",
        "Autrefois on vendait du sel ici, aujourd'hui la plupart des habitants vivent du tourisme.",
        "Le soir, les voisins s'assoient sur les bancs au bord de l'eau et racontent des histoires.",
        "Après la pluie, les ruelles étroites sentent le bois et le pain frais.",
    ),
    "zh": (
        "清晨的河面上还笼罩着薄雾，小贩们已经开始摆摊了。",
        "坐火车来的人最好步行穿过老城区，一直走到集市广场。",
        "冬天很多旅馆都关门，但是街角的面包店总是开着。",
        "电车每十分钟一班，正好停在小博物馆的门口。",
        "天气晴朗的时候，从城堡上可以望见南边的群山。",
        "从前这里买卖食盐，现在大多数居民靠旅游业生活。",
        "傍晚，邻居们坐在河边的长椅上讲故事。",
        "雨后，狭窄的小巷里飘着木头和新鲜面包的香味。",
    ),
}
TITLES = {"de": "Reisenotizen", "fr": "Carnet de route", "zh": "旅行笔记"}

# Invented people, reserved host names, 555 numbers, and addresses that nobody would take for a real machine's.
CONTACTS = (
    "Write to the webmaster at {mail} or call {phone} on weekdays if you find a mistake on this page.",
    "Corrections are welcome: {mail}. Our office is at {street}, and the telephone number is {phone}.",
    "Reports go to {mail}; the last edit of this page came from the machine at {ip} in the morning.",
    "Our server at {ip} was down last night. Call {phone} or write to {mail} if it happens again.",
)
PEOPLE = ("anna.keller", "j.moreau", "webmaster", "tomas_lind", "info", "maria.santos", "editor+pages", "li.wei")
PHONES = ("(212) 555-0142", "415-555-0117", "+1 202-555-0175", "(303) 555-0199", "617 555 0123")
STREETS = ("14 Elm Street, Springfield, IL 62704", "221 Harbour Road, Fairview, OR 97024", "9 Station Avenue, Milltown, NJ 08850")
ADDRESSES = ("11.22.33.44", "12.34.56.78", "44.55.66.77", "98.76.54.32")

MIRROR_REMARKS = ("This copy was made in spring.", "Copied with thanks.", "The page was checked again last week.")
SPAM = "Buy cheap boots here and save a lot of money today."
LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore."


def contact(site, rng):
    """A sentence with personal data of people who do not exist."""
    mail = f"{rng.choice(PEOPLE)}@{site.host.removeprefix('www.')}"
    return rng.choice(CONTACTS).format(mail=mail, phone=rng.choice(PHONES), street=rng.choice(STREETS), ip=rng.choice(ADDRESSES))


def _paragraphs(sentences, rng, count=3, joint=" "):
    picked = rng.sample(sentences, len(sentences))
    size = -(-len(picked) // count)
    return prose(joint.join(picked[i : i + size]) for i in range(0, len(picked), size))


def blocked_pages(rng):
    """Gambling by host and by words, and an adult address with harmless text: dropped by `filter.urls`."""
    for number in range(12):
        yield "blocked", f"https://{CASINO.host}/slots/{number}.html", page(CASINO, "Games tonight", _paragraphs(GAMES, rng), rng)
        yield "blocked", f"http://{ADULT.host}/porn-videos/page-{number}.html", page(ADULT, "In the garden", _paragraphs(GARDEN, rng), rng)


def foreign_pages(rng):
    """German, French and Chinese: dropped by `filter.language` when only English is kept."""
    for language, sentences in FOREIGN.items():
        for number in range(10):
            site = rng.choice(SITES)
            joint = "" if language == "zh" else " "
            text = _paragraphs(sentences, rng, 2, joint)
            yield f"language-{language}", f"{site.scheme}://{site.host}/{language}/{number}", page(site, TITLES[language], text, rng, language)


def thin_pages(rng):
    """Nothing but furniture and a few words: dropped by `filter.quality`."""
    for number in range(24):
        site = rng.choice(SITES)
        yield "thin", f"{site.scheme}://{site.host}/tag/{number}", page(site, "Tag", prose(["Nothing here yet, come back."]), rng)


def poor_pages(rng):
    """Repeated lines, filler text, and code in the text: dropped by `filter.quality`."""
    for number in range(8):
        site = rng.choice(SITES)
        at = f"{site.scheme}://{site.host}/p"
        garden = _paragraphs(GARDEN, rng)
        yield "repetition", f"{at}/boots-{number}", page(site, "Boots", prose([SPAM] * 15), rng)
        yield "filler", f"{at}/draft-{number}", page(site, "Draft", [*prose([LOREM]), *garden], rng)
        yield "code", f"{at}/script-{number}", page(site, "Script", [*garden, *prose(["function plant(seed) { return water(seed); }"])], rng)
