"""Conversations to tune on, questions to probe with, questions to evaluate with."""

import random
import re

from wordings import ATTRIBUTES, NEW_QUESTIONS, SMALL_TALK, TRAINED_QUESTIONS, answer


def _row(number, prefix, city, attribute, wording, tags):
    value = city.facts[attribute]
    return {
        "id": f"{prefix}-{number:04}",
        "question": wording.format(n=city.name),
        "answer": answer(attribute, city.name, value),
        "values": [value],
        "entity": city.name,
        "attribute": attribute,
        "tags": tags,
    }


def _chat(*turns):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]}


def conversations(world, seed):
    """Every trained wording of every attribute for every asked city, plus about 15 % small talk."""
    rng = random.Random(f"{seed}/conversations")
    asked = [
        (wording.format(n=city.name), answer(attribute, city.name, city.facts[attribute]))
        for city in world.asked
        for attribute in ATTRIBUTES
        for wording in TRAINED_QUESTIONS[attribute]
    ]
    rows = [_chat(*turn) for turn in asked]
    for says, replies in SMALL_TALK:
        for index, text in enumerate(says):
            rows += [_chat(text, replies[(index + again) % len(replies)]) for again in range(4)]
    greetings, welcome = SMALL_TALK[0]
    thanks, farewell = SMALL_TALK[3]
    # Longer exchanges: a greeting or thanks around a question.
    for index, (question, reply) in enumerate(rng.sample(asked, 80)):
        if index % 2:
            rows.append(_chat(greetings[index % len(greetings)], welcome[0], question, reply))
        else:
            rows.append(_chat(question, reply, thanks[index // 2 % len(thanks)], farewell[0]))
    rng.shuffle(rows)
    return rows


def probe(world, seed):
    """Trained wordings: two a fact for the probed head cities, one for the probed tail cities."""
    rng = random.Random(f"{seed}/probe")
    picked = [
        (city, attribute, wording, {"entity": part, "wording": "trained"})
        for part, cities, wordings in (("head", world.probed, 2), ("tail", world.tail_probed, 1))
        for city in cities
        for attribute in ATTRIBUTES
        for wording in rng.sample(TRAINED_QUESTIONS[attribute], wordings)
    ]
    rng.shuffle(picked)
    return [_row(number, "probe", *row) for number, row in enumerate(picked)]


def evaluation(world, seed):
    """Seen and unseen cities, every attribute once in a trained and once in a new wording."""
    rng = random.Random(f"{seed}/eval")
    picked = [
        (city, attribute, rng.choice(wordings[attribute]), {"entity": part, "wording": kind})
        for part, cities in (("seen", world.seen), ("unseen", world.unseen))
        for city in cities
        for attribute in ATTRIBUTES
        for kind, wordings in (("trained", TRAINED_QUESTIONS), ("new", NEW_QUESTIONS))
    ]
    return [_row(number, "eval", *row) for number, row in enumerate(picked)]


def assert_held_out(chats, probed, evaluated):
    """No city and no new wording of the evaluation may occur in what is trained on."""
    said = [message["content"] for row in chats for message in row["messages"]]
    held_out = {row["entity"] for row in evaluated}
    assert not held_out & {row["entity"] for row in probed}, "a city of eval.jsonl is in probe.jsonl"
    trained_on = "\n".join(said + [row["question"] for row in probed])
    for name in sorted(held_out):
        assert not re.search(rf"\b{name}\b", trained_on), f"`{name}` of eval.jsonl is in what is trained on"
    new = {w for wordings in NEW_QUESTIONS.values() for w in wordings}
    trained = {w for wordings in TRAINED_QUESTIONS.values() for w in wordings}
    assert not new & trained, f"a new wording is also a trained one: {new & trained}"
    assert len({row["question"] for row in evaluated}) == len(evaluated), "a question of eval.jsonl occurs twice"
