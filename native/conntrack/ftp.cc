// See ftp.h. What is accepted is what OVS 3.1's lib/conntrack.c accepts, found out by trying.
#include "ftp.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string>
#include <string_view>

namespace pw {
namespace {

// OVS copies at most 128 bytes of a segment, and of those not the last.
constexpr uint32_t kMostRead = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), same_letter);
}

bool contains(std::string_view text, std::string_view words) {
  return std::search(text.begin(), text.end(), words.begin(), words.end(), same_letter) != text.end();
}

struct Cursor {
  std::string_view text;
  size_t at = 0;

  bool done() const { return at >= text.size(); }
  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }
  // Onto the next that `test` accepts; false when there is none.
  template <typename Test>
  bool seek(Test&& test) {
    while (!done() && !test(text[at])) at++;
    return !done();
  }
  // At most `most` digits as a number, -1 when there is none.
  int number(uint32_t most) {
    int value = is_digit(peek()) ? 0 : -1;
    for (uint32_t i = 0; i < most && is_digit(peek()) && value < 100'000; i++) value = value * 10 + (text[at++] - '0');
    return value;
  }
};

bool parse_address(int family, const std::string& text, uint8_t* address) {
  return inet_pton(family, text.c_str(), address) == 1;
}

// h1,h2,h3,h4,p1,p2 from the first digit behind a space on.
bool read_numbers(Cursor c, FtpMessage& m) {
  if (!c.seek([](char x) { return x == ' '; }) || !c.seek(is_digit)) return false;
  const size_t begin = c.at;
  std::string dotted;
  for (int commas = 0;; c.at++) {
    if (c.done()) return false;
    if (c.peek() == ',' && ++commas == 4) break;
    dotted += c.peek() == ',' ? '.' : c.peek();
  }
  if (!parse_address(AF_INET, dotted, m.address)) return false;
  m.has_address = true;
  m.address_at = static_cast<uint32_t>(begin);
  m.address_size = static_cast<uint32_t>(c.at - begin);
  c.at++;
  const int high = c.number(4);
  c.at++;  // what stands between
  const int low = c.number(kMostRead);
  if (high < 0 || high > 255 || low < 0 || low > 255) return false;
  m.port = static_cast<uint16_t>(high << 8 | low);
  return true;
}

// |2|ADDRESS|, up to the port.
bool read_extended_address(Cursor& c, FtpMessage& m) {
  if (!c.seek(is_digit) || c.peek() != '2' || is_digit(c.peek(1))) return false;  // 2 is IPv6 (RFC 2428 section 2)
  c.at += 2;
  const size_t begin = c.at;
  c.seek([](char x) { return !std::isxdigit(static_cast<unsigned char>(x)) && x != ':' && x != '.'; });
  if (c.at > c.text.size()) return false;
  if (!parse_address(AF_INET6, std::string(c.text.substr(begin, c.at - begin)), m.address)) return false;
  m.has_address = true;
  m.address_at = static_cast<uint32_t>(begin);
  m.address_size = static_cast<uint32_t>(c.at - begin);
  c.at++;
  return true;
}

bool read_extended_port(Cursor& c, FtpMessage& m) {
  const int port = c.number(6);
  if (port < 0 || port > 65535) return false;
  m.port = static_cast<uint16_t>(port);
  return true;
}

FtpMessage read_v4(std::string_view text) {
  FtpMessage m;
  if (begins_with(text, "PORT")) m.kind = read_numbers({text, 4}, m) ? FtpMessage::active : FtpMessage::malformed;
  else if (begins_with(text, "227")) m.kind = read_numbers({text, 3}, m) ? FtpMessage::passive : FtpMessage::malformed;
  return m;
}

FtpMessage read_v6(std::string_view text) {
  FtpMessage m;
  if (begins_with(text, "EPRT")) {
    Cursor c{text, 4};
    m.kind = read_extended_address(c, m) && read_extended_port(c, m) ? FtpMessage::active : FtpMessage::malformed;
  } else if (contains(text, "EXTENDED PASSIVE")) {
    Cursor c{text};
    const bool ok = c.seek([](char x) { return x == '('; }) && c.seek(is_digit) && read_extended_port(c, m);
    m.kind = ok ? FtpMessage::passive : FtpMessage::malformed;
  }
  return m;
}

}  // namespace

FtpMessage read_ftp(const uint8_t* payload, uint32_t size, uint8_t family) {
  if (size == 0) return {};
  std::string_view text(reinterpret_cast<const char*>(payload), std::min(size, kMostRead) - 1);
  text = text.substr(0, text.find('\0'));
  return family == 4 ? read_v4(text) : read_v6(text);
}

}  // namespace pw
