//! Amounts in formal Chinese numerals (大写金额), as bids and award letters write them: read and written.
//!
//! The characters stand here as code points, each with its meaning, because they are data of a format.

use crate::platform::money::Fen;

/// Zero to nine: 零壹贰叁肆伍陆柒捌玖.
const DIGITS: [char; 10] = [
    '\u{96F6}', '\u{58F9}', '\u{8D30}', '\u{53C1}', '\u{8086}', '\u{4F0D}', '\u{9646}', '\u{67D2}',
    '\u{634C}', '\u{7396}',
];
/// Ten, hundred, thousand: 拾佰仟.
const TENS: [char; 3] = ['\u{62FE}', '\u{4F70}', '\u{4EDF}'];
/// 万, 10^4.
const WAN: char = '\u{4E07}';
/// 亿, 10^8.
const YI: char = '\u{4EBF}';
/// 元, yuan.
const YUAN: char = '\u{5143}';
/// 角, a tenth of a yuan.
const JIAO: char = '\u{89D2}';
/// 分, a hundredth of a yuan.
const FEN: char = '\u{5206}';
/// 整, written after an amount without fen.
const WHOLE: char = '\u{6574}';
/// 人民币, which may stand in front.
const RENMINBI: &str = "\u{4EBA}\u{6C11}\u{5E01}";

/// Reads an amount such as 壹佰贰拾万元整. Spaces, a leading 人民币, and the variants 圆 for 元 and 正 for 整 are allowed;
/// anything that does not state one amount is `None`.
pub fn parse(text: &str) -> Option<Fen> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).map(variant).collect();
    let plain = plain.strip_prefix(RENMINBI).unwrap_or(&plain);
    let amount = evaluate(plain)?;
    // an amount has one meaning only if it is written as we would write it, but for zeros and the closing word
    let digits = plain.chars().any(|c| DIGITS.contains(&c));
    (digits && bones(plain) == bones(&write(amount)?)).then_some(amount)
}

/// Writes an amount from zero to below 10^12 yuan, e.g. 壹佰贰拾万元整. `None` outside that range.
pub fn write(amount: Fen) -> Option<String> {
    let total = u64::try_from(amount.0).ok()?;
    let (yuan, jiao, fen) = (total / 100, total / 10 % 10, total % 10);
    if yuan >= 1_000_000_000_000 {
        return None;
    }
    let mut out = whole_number(yuan);
    out.push(YUAN);
    if jiao == 0 && fen == 0 {
        out.push(WHOLE);
        return Some(out);
    }
    if jiao > 0 {
        out.extend([digit(jiao), JIAO]);
    } else if yuan > 0 {
        out.push(digit(0));
    }
    if fen > 0 {
        out.extend([digit(fen), FEN]);
    } else {
        out.push(WHOLE);
    }
    Some(out)
}

fn whole_number(yuan: u64) -> String {
    if yuan == 0 {
        return digit(0).to_string();
    }
    let mut out = String::new();
    let mut gap = false;
    for (group, mark) in
        [(yuan / 100_000_000, Some(YI)), (yuan / 10_000 % 10_000, Some(WAN)), (yuan % 10_000, None)]
    {
        if group == 0 {
            gap = !out.is_empty();
            continue;
        }
        if !out.is_empty() && (gap || group < 1000) {
            out.push(digit(0));
        }
        out.push_str(&four_digits(group));
        out.extend(mark);
        gap = false;
    }
    out
}

/// One to 9,999 without a leading zero.
fn four_digits(group: u64) -> String {
    let mut out = String::new();
    let mut gap = false;
    for place in (0..4_u32).rev() {
        let value = group / 10_u64.pow(place) % 10;
        if value == 0 {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push(digit(0));
            gap = false;
        }
        out.push(digit(value));
        out.extend(TENS.get((place as usize).wrapping_sub(1)));
    }
    out
}

fn digit(value: u64) -> char {
    usize::try_from(value).ok().and_then(|value| DIGITS.get(value)).copied().unwrap_or('?')
}

/// The value of well-formed words; nonsense gives some value or `None`, and is found by writing it back.
fn evaluate(plain: &str) -> Option<Fen> {
    let (mut high, mut low, mut section, mut last) = (0_i64, 0_i64, 0_i64, 0_i64);
    let mut fen = 0_i64;
    for c in plain.chars() {
        if let Some(value) = DIGITS.iter().position(|&d| d == c) {
            last = i64::try_from(value).ok()?;
        } else if let Some(power) = TENS.iter().position(|&t| t == c) {
            section = section.checked_add(last.checked_mul([10, 100, 1000].get(power).copied()?)?)?;
            last = 0;
        } else if c == WAN {
            low = (section + last).checked_mul(10_000)?;
            (section, last) = (0, 0);
        } else if c == YI {
            high = (low + section + last).checked_mul(100_000_000)?;
            (low, section, last) = (0, 0, 0);
        } else if c == YUAN {
            fen = high.checked_add(low)?.checked_add(section + last)?.checked_mul(100)?;
            (high, low, section, last) = (0, 0, 0, 0);
        } else if c == JIAO {
            fen = fen.checked_add(last * 10)?;
            last = 0;
        } else if c == FEN {
            fen = fen.checked_add(last)?;
            last = 0;
        } else if c != WHOLE {
            return None;
        }
    }
    Some(Fen(fen))
}

/// The words without zeros and without the closing word, for comparison.
fn bones(text: &str) -> String {
    let zero = digit(0);
    text.chars().filter(|&c| c != zero && c != WHOLE).collect()
}

/// Common variants, mapped to the characters above: 圆 元, 正 整, 千 仟, 百 佰, 十 拾.
fn variant(c: char) -> char {
    match c {
        '\u{5706}' => YUAN,
        '\u{6B63}' => WHOLE,
        '\u{5343}' => '\u{4EDF}',
        '\u{767E}' => '\u{4F70}',
        '\u{5341}' => '\u{62FE}',
        other => other,
    }
}
