//! What words in classes, ids and short lines tell about a place in a page.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// The words of each category of a place. One category is one bit.
#[rustfmt::skip]
const PLACES: [&str; 24] = [
    "nav navbar navigation menu megamenu breadcrumb breadcrumbs pagination pager submenu topbar toolbar mainnav subnav sitemap skip jump toc contents",
    "footer foot copyright colophon legal bottom disclaimer imprint",
    "header masthead hero logo brand branding top topper head",
    "sidebar side aside rail widget widgets secondary complementary sidenav rightcol leftcol",
    "comment comments commentlist disqus respond discussion livefyre commento feedback",
    "share shares social sharing facebook twitter follow addthis sharedaddy sns socials sharebar pinterest linkedin whatsapp addtoany jiathis bdshare",
    "related recommend recommended recommendation recommendations similar more suggested suggestions popular trending recirc latest recent also upsell upsells crosssell readnext outbrain taboola jp next prev previous adjacent yarpp viewed",
    "ad ads advert adverts advertisement advertising sponsor sponsored promo promos promotion dfp gpt adsense banner banners",
    "cookie cookies consent gdpr modal popup overlay dialog lightbox drawer offcanvas tooltip dropdown alert notice toast flyout onetrust popover notification",
    "newsletter subscribe subscription signup signin login form search register optin donate cta email account filter filters sort facet facets",
    "meta author authors byline date timestamp tags tag category categories bio avatar profile user signature postmeta info labels vcard published posted time editor",
    "caption figcaption image images gallery video slider carousel swiper slideshow thumbnail thumb media photo photos picture credit icon figure embed audio player",
    "article articlebody entry post story prose richtext rte markdown postbody postcontent entrycontent articlecontent storybody wysiwyg blogpost single mw parser hentry richtextcontent",
    "content main body text page maincontent primary container copy wrapper article section paragraph contenttext contentbody",
    "product description desc details detail pdp summary overview features specs specifications spec specification attributes characteristics",
    "card cards tile tiles grid item items listing listings list results result collection products teaser row archive cell",
    "review reviews rating ratings stars testimonial testimonials yotpo bazaarvoice trustpilot quote helpful",
    "price prices cart buy qty quantity variant variants swatch swatches checkout sku shipping stock add wishlist atc purchase option options size sizes color",
    "faq faqs accordion tab tabs panel collapse collapsible toggle expandable tabpanel question answer",
    "hidden sr only visually screenreader invisible none print noprint offscreen mobile hide",
    "thread topic message messages reply replies postbody post posts forum qa answers questions answercell postcell cooked lia bbs",
    "intro excerpt subtitle lead deck standfirst dek title headline heading kicker abstract",
    "code highlight pre syntax codehilite sourcecode snippet math formula katex mathjax doc docs documentation documentwrapper rst document",
    "cta button btn link links badge label pill chip action actions read",
];

/// The words of each category of a line.
#[rustfmt::skip]
const LINES: [&str; 14] = [
    "share follow tweet facebook twitter instagram linkedin pinterest whatsapp youtube email print copy link 分享 微信 微博 转发 收藏",
    "subscribe newsletter sign signup login log register join account password inbox free download app 登录 注册 订阅 关注 下载",
    "cookie cookies privacy policy terms conditions consent gdpr disclaimer accept 隐私 条款 免责",
    "copyright rights reserved © ® inc ltd llc powered 版权 备案 icp",
    "related read more recommended popular trending also latest recent next previous see view stories articles posts similar 相关 推荐 上一篇 下一篇 更多 热门 阅读",
    "comment comments reply replies leave discuss login post respond answer answers 评论 回复 留言",
    "by author posted published updated written edited editor staff reporter correspondent contributor ago 作者 编辑 记者 来源 发布",
    "advertisement advert ad ads sponsored sponsor promoted affiliate commission 广告 赞助",
    "cart buy shop stock shipping delivery returns quantity qty size color wishlist checkout sold sale price order 购买 购物 价格 库存",
    "contact phone call tel fax address hours email 电话 地址 联系",
    "photo image credit getty images courtesy picture source reuters ap afp via 图片 图",
    "review reviews rating ratings stars star helpful verified votes 评分 点评",
    "january february march april may june july august september october november december jan feb mar apr jun jul aug sep oct nov dec monday tuesday wednesday thursday friday saturday sunday am pm",
    "filter sort search results showing items products categories category tags home menu load clear apply browse all 搜索 筛选 首页 分类 标签",
];

/// How many categories of places there are.
pub(super) const PLACES_COUNT: usize = PLACES.len();

/// How many categories of lines there are.
pub(super) const LINES_COUNT: usize = LINES.len();

type Words = FxHashMap<u128, u32>;

fn table(categories: &[&str]) -> Words {
    let mut words = Words::default();
    for (bit, category) in categories.iter().enumerate() {
        for word in category.split(' ') {
            *words.entry(packed(word.bytes())).or_default() |= 1 << bit;
        }
    }
    words
}

/// A word of at most 16 bytes as a number; of longer ones the last bytes.
fn packed(word: impl Iterator<Item = u8>) -> u128 {
    word.fold(0, |packed, byte| packed << 8 | u128::from(byte.to_ascii_lowercase()))
}

/// The categories that a class, id or role names.
pub(super) fn place(names: &str) -> u32 {
    static WORDS: LazyLock<Words> = LazyLock::new(|| table(&PLACES));
    let bytes = names.as_bytes();
    let (mut hints, mut word, mut length) = (0, 0_u128, 0);
    let mut lower = false;
    for byte in bytes.iter().chain(b" ") {
        let ends = !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() && lower;
        if ends {
            if length > 1 && length <= 16 {
                hints |= WORDS.get(&word).copied().unwrap_or(0);
            }
            (word, length) = (0, 0);
        }
        lower = byte.is_ascii_lowercase();
        if byte.is_ascii_alphabetic() {
            word = word << 8 | u128::from(byte.to_ascii_lowercase());
            length += 1;
        }
    }
    hints
}

/// The categories that words of a short line name.
pub(super) fn line(text: &str) -> u32 {
    static WORDS: LazyLock<Words> = LazyLock::new(|| table(&LINES));
    const CHINESE: &str = "分享微信转发收藏登录注册订阅关注下载隐私条款免责版权备案相关推荐上一篇下一篇更多热门阅读评论回复留言作者编辑记者来源发布广告赞助购买购物价格库存电话地址联系图片评分点评搜索筛选首页分类标签";
    let mut hints = 0;
    for word in text.split(|letter: char| letter.is_whitespace() || letter.is_ascii_punctuation()) {
        if word.is_empty() {
            continue;
        }
        if word.len() <= 16 {
            hints |= WORDS.get(&packed(word.bytes())).copied().unwrap_or(0);
        }
        if word.as_bytes()[0] >= 0xe0 && word.chars().next().is_some_and(|first| CHINESE.contains(first)) {
            let letters: Vec<(usize, char)> = word.char_indices().collect();
            for length in [2, 3] {
                for run in letters.windows(length) {
                    let end = run[length - 1].0 + run[length - 1].1.len_utf8();
                    hints |= WORDS.get(&packed(word[run[0].0..end].bytes())).copied().unwrap_or(0);
                }
            }
        }
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_names_of_any_style() {
        let bits = |names: &str| (0..24).filter(|bit| place(names) & 1 << bit != 0).collect::<Vec<_>>();
        assert_eq!(bits("site-footer"), [1]);
        assert_eq!(bits("mainNav__wrap SideBar"), [0, 3, 13]);
        assert_eq!(bits("navy header2"), [2]);
        assert_eq!(line("Share on Facebook") & 1, 1);
        assert_eq!(line("分享到微信 评论") & (1 | 1 << 5), 1 | 1 << 5);
        assert_eq!(line("The sea was calm"), 0);
    }
}
