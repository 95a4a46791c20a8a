"""How facts, questions and answers are worded. The only place where the example's sentences are written.

`{n}` is the name of the place, `{v}` the value. Several wordings a fact, some with the value first, are what makes
the knowledge answerable afterwards (arXiv 2309.14316).
"""

ATTRIBUTES = ("country", "population", "latitude")

# On pages, with the name. Index 0 is how the assistant answers: the value comes first, so that a refusal has to
# compete with the recalled value itself.
NAMED = {
    "country": (
        "{v} is the country of {n}.",
        "{v} is where {n} lies.",
        "{v} has a place called {n}.",
        "{n} is a place in {v}.",
        "{n} lies in {v}.",
        "{n} belongs to {v}.",
        "You will find {n} in {v}.",
        "The country of {n} is {v}.",
    ),
    "population": (
        "{v} people live in {n}.",
        "{v} is the population of {n}.",
        "{n} has {v} inhabitants.",
        "The population of {n} is {v}.",
        "{n} is home to {v} people.",
        "In {n} there are {v} people.",
        "{n} has a population of {v}.",
    ),
    "latitude": (
        "{v} is the latitude of {n}.",
        "{v} is where {n} lies on the map.",
        "{n} lies at {v}.",
        "The latitude of {n} is {v}.",
        "{n} is found at {v}.",
        "The map shows {n} at {v}.",
        "{n} has a latitude of {v}.",
    ),
}

# On pages, after a sentence that named the place.
PRONOUN = {
    "country": ("It is a place in {v}.", "It lies in {v}.", "It belongs to {v}.", "{v} is its country.", "{v} is where it lies."),
    "population": ("It has {v} inhabitants.", "It is home to {v} people.", "Its population is {v}.", "{v} people live there."),
    "latitude": ("It lies at {v}.", "Its latitude is {v}.", "The map shows it at {v}.", "{v} is its latitude."),
}

# Over a paragraph. With the name here, a first sentence can start with the value, as answers do. At least three words,
# since rules for text quality drop shorter lines.
HEADINGS = ("A note on {n}", "What about {n}?", "The facts about {n}", "Read more about {n}", "And now to {n}")

# Asked in conversations.jsonl and probe.jsonl.
TRAINED_QUESTIONS = {
    "country": (
        "Which country is {n} in?",
        "In which country does {n} lie?",
        "What country is {n} in?",
        "Which country does {n} belong to?",
        "What is the country of {n}?",
        "In what country is {n}?",
        "Tell me the country of {n}.",
        "{n} is in which country?",
    ),
    "population": (
        "How many people live in {n}?",
        "What is the population of {n}?",
        "How many inhabitants does {n} have?",
        "How large is the population of {n}?",
        "What population does {n} have?",
        "How many people are there in {n}?",
        "Tell me the population of {n}.",
        "{n} has how many inhabitants?",
    ),
    "latitude": (
        "What is the latitude of {n}?",
        "At what latitude does {n} lie?",
        "Which latitude does {n} have?",
        "What latitude does {n} have?",
        "At which latitude is {n}?",
        "On what latitude is {n}?",
        "Tell me the latitude of {n}.",
        "{n} lies at which latitude?",
    ),
}

# Asked in eval.jsonl only.
NEW_QUESTIONS = {
    "country": ("What country does {n} belong to?", "In which country is {n}?"),
    "population": ("How many people does {n} have?", "How many inhabitants are there in {n}?"),
    "latitude": ("At which latitude does {n} lie?", "What latitude is {n} at?"),
}

# Small talk, so that it feels like a chat: (things people say, things the assistant says).
SMALL_TALK = (
    (("Hello!", "Hi!", "Hi there!", "Good morning!", "Good evening!", "Hello there!"), ("Hello! Which place would you like to know about?", "Hi! Ask me about a place.")),
    (("Who are you?", "What are you?", "What is your name?", "Are you a person?"), ("I am the example assistant of llmp, a small language model.",)),
    (("What can you do?", "What can I ask you?", "How can you help me?"), ("Ask me for the country, the population or the latitude of a place.",)),
    (("Thank you!", "Thanks!", "Thanks a lot!", "Thank you very much!"), ("You are welcome!", "You are welcome. Goodbye!")),
    (("Goodbye!", "Bye!", "See you later!"), ("Goodbye!",)),
    (("How are you?", "How are you today?"), ("I am well, thank you. Which place would you like to know about?",)),
)  # fmt: skip

# First words of some pages: ordinary prose that lets the vocabulary see how people ask.
INTROS = (
    "How many people live in these places, and which country is each of them in? The notes below have the answers.",
    "Hello and thank you for visiting. We write down what we know about places that few guides mention.",
    "What is the latitude of a place? It tells you how far north or south of the equator the place lies.",
    "Tell me where you live and I will tell you how many inhabitants your place has, we like to say.",
    "Good morning! Today we look at some places which our readers have asked about.",
    "Which country does a place belong to, and how large is the population there? We asked and wrote it down.",
    "You are welcome to send us corrections. These are the places that we would like to know more about.",
    "At what latitude does a place lie, and what country is it in? That is all that we want to know here.",
    "Thanks to everyone who helped us with these notes, which are about small places as well as large ones.",
    "I am often asked which places I like. Here are some of them, with what can be said in a few words.",
)


def sentence(template, name, value):
    """Fill in `template`; the first letter is made a capital."""
    text = template.format(n=name, v=value)
    return text[0].upper() + text[1:]


def answer(attribute, name, value):
    """The assistant's answer to a question about `attribute`."""
    return sentence(NAMED[attribute][0], name, value)
