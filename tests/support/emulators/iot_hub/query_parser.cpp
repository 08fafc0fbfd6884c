// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdlib>

#include "emulators/iot_hub/query.h"
#include "emulators/iot_hub/query_tokens.h"

namespace iris::iot_hub_emulator {
namespace {

constexpr int kMaxDepth = 50;
constexpr std::array kReserved{"select", "from", "where", "and", "or", "not", "in", "as", "top", "group", "by", "order"};

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

ExpressionPtr make(Operator op, ExpressionPtr first = nullptr, ExpressionPtr second = nullptr) {
  auto expression = std::make_unique<Expression>();
  expression->op = op;
  if (first) expression->operands.push_back(std::move(first));
  if (second) expression->operands.push_back(std::move(second));
  return expression;
}

/// Recursive descent; each function gives null (or false) once `fault_` is set.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  base::Result<Query> run() {
    if (!parse() && fault_.empty()) fail("something else expected");
    if (!fault_.empty()) return base::fail(fault_ + " at character " + std::to_string(tokens_[at_].at + 1));
    return std::move(query_);
  }

 private:
  using Path = std::vector<std::string>;
  struct Deeper {
    explicit Deeper(int& depth) : depth_(depth) { ++depth_; }
    ~Deeper() { --depth_; }
    int& depth_;
  };

  bool parse() {
    if (!word("select")) return fail("SELECT expected");
    if (word("top") && !read_top()) return false;
    if (!symbol("*") && !read_projections()) return false;
    if (!word("from") || !read_collection()) return fail("FROM devices or FROM devices.modules expected");
    if (word("where")) {
      query_.where = read_or();
      if (!query_.where) return false;
    }
    if (tokens_[at_].kind != Token::Kind::end) return fail("the query's end expected");
    for (auto& projection : query_.projections) strip_collection(projection.path);
    return check_counts();
  }

  bool read_top() {
    const auto& token = tokens_[at_];
    if (token.kind != Token::Kind::number || token.value.size() > 9 ||
        token.value.find_first_not_of("0123456789") != std::string::npos) {
      return fail("a number expected after TOP");
    }
    query_.top = std::strtoul(token.value.c_str(), nullptr, 10);
    ++at_;
    return true;
  }

  bool read_projections() {
    do {
      Query::Projection projection;
      if (peek_word("count") && symbol_at(at_ + 1, "(")) {
        at_ += 2;
        if (!symbol(")")) return fail("count() expected");
        projection.name = "count";
      } else {
        projection.path = read_path();
        if (projection.path.empty()) return fail("a property expected");
        projection.name = projection.path.back();
      }
      if (word("as")) {
        if (tokens_[at_].kind != Token::Kind::word || reserved(tokens_[at_].value)) return fail("a name expected after AS");
        projection.name = tokens_[at_++].value;
      }
      query_.projections.push_back(std::move(projection));
    } while (symbol(","));
    return true;
  }

  bool check_counts() {
    const auto counting = std::count_if(query_.projections.begin(), query_.projections.end(),
                                        [](const auto& projection) { return projection.path.empty(); });
    return counting == 0 || query_.projections.size() == 1 || fail("count() beside properties needs GROUP BY, which is not supported");
  }

  bool read_collection() {
    if (!word("devices")) return false;
    if (!symbol(".")) return true;
    query_.from = Query::Collection::modules;
    return word("modules");
  }

  ExpressionPtr read_or() {
    const Deeper deeper(depth_);
    if (depth_ > kMaxDepth) return nothing("it is nested too deeply");
    auto left = read_and();
    while (left && word("or")) {
      auto right = read_and();
      left = right ? make(Operator::logical_or, std::move(left), std::move(right)) : nullptr;
    }
    return left;
  }

  ExpressionPtr read_and() {
    auto left = read_not();
    while (left && word("and")) {
      auto right = read_not();
      left = right ? make(Operator::logical_and, std::move(left), std::move(right)) : nullptr;
    }
    return left;
  }

  ExpressionPtr read_not() {
    const Deeper deeper(depth_);
    if (depth_ > kMaxDepth) return nothing("it is nested too deeply");
    if (!word("not")) return read_comparison();
    auto inner = read_not();
    return inner ? make(Operator::logical_not, std::move(inner)) : nullptr;
  }

  ExpressionPtr read_comparison() {
    auto left = read_value();
    if (!left) return nullptr;
    static constexpr std::array<std::pair<const char*, Operator>, 7> kComparisons{
        {{"=", Operator::equal}, {"!=", Operator::unequal}, {"<>", Operator::unequal}, {"<=", Operator::not_greater},
         {">=", Operator::not_less}, {"<", Operator::less}, {">", Operator::greater}}};
    for (const auto& [text, op] : kComparisons) {
      if (!symbol(text)) continue;
      auto right = read_value();
      return right ? make(op, std::move(left), std::move(right)) : nullptr;
    }
    if (peek_word("not") && at_ + 1 < tokens_.size() && lower(tokens_[at_ + 1].value) == "in") {
      ++at_;
      auto in = read_in(std::move(left));
      return in ? make(Operator::logical_not, std::move(in)) : nullptr;
    }
    return peek_word("in") ? read_in(std::move(left)) : std::move(left);
  }

  ExpressionPtr read_in(ExpressionPtr left) {
    ++at_;
    if (!symbol_at(at_, "[")) return nothing("[ expected after IN");
    auto right = read_array();
    return right ? make(Operator::in, std::move(left), std::move(right)) : nullptr;
  }

  ExpressionPtr read_value() {
    if (symbol("(")) {
      auto inner = read_or();
      if (inner && !symbol(")")) return nothing(") expected");
      return inner;
    }
    if (symbol_at(at_, "[")) return read_array();
    if (auto constant = read_constant()) return constant;
    if (!fault_.empty()) return nullptr;
    if (tokens_[at_].kind == Token::Kind::word && symbol_at(at_ + 1, "(")) return read_call();
    auto path = read_path();
    if (path.empty()) return nothing("a value expected");
    strip_collection(path);
    if (path.size() == 1 && path.front() == "moduleId") query_.names_module_id = true;
    auto expression = std::make_unique<Expression>();
    expression->op = Operator::path;
    expression->path = std::move(path);
    return expression;
  }

  /// Null without a fault: it is none.
  ExpressionPtr read_constant() {
    auto expression = std::make_unique<Expression>();
    const auto& token = tokens_[at_];
    if (token.kind == Token::Kind::text) {
      expression->constant = token.value;
    } else if (token.kind == Token::Kind::number) {
      expression->constant = nlohmann::json::parse(token.value, nullptr, false);
      if (!expression->constant.is_number()) return nothing("not a number");
    } else if (peek_word("true") || peek_word("false")) {
      expression->constant = lower(token.value) == "true";
    } else if (!peek_word("null")) {
      return nullptr;
    }
    ++at_;
    return expression;
  }

  ExpressionPtr read_array() {
    ++at_;
    auto array = std::make_unique<Expression>();
    array->op = Operator::array;
    array->constant = nlohmann::json::array();
    do {
      auto constant = read_constant();
      if (!constant) return nothing("a constant expected");
      array->constant.push_back(constant->constant);
    } while (symbol(","));
    if (!symbol("]")) return nothing("] expected");
    return array;
  }

  ExpressionPtr read_call() {
    struct Function {
      const char* name;
      Operator op;
      std::size_t arguments;
    };
    static constexpr std::array<Function, 5> kFunctions{{{"is_defined", Operator::is_defined, 1},
                                                         {"is_null", Operator::is_null, 1},
                                                         {"array_contains", Operator::array_contains, 2},
                                                         {"startswith", Operator::starts_with, 2},
                                                         {"endswith", Operator::ends_with, 2}}};
    const auto name = lower(tokens_[at_].value);
    const auto* const function =
        std::find_if(kFunctions.begin(), kFunctions.end(), [&name](const Function& f) { return f.name == name; });
    if (function == kFunctions.end()) return nothing("an unknown function");
    at_ += 2;
    std::vector<ExpressionPtr> arguments;
    do {
      auto argument = read_or();
      if (!argument) return nullptr;
      arguments.push_back(std::move(argument));
    } while (symbol(","));
    if (!symbol(")")) return nothing(") expected");
    if (arguments.size() != function->arguments) return nothing("a wrong number of arguments");
    if (function->op == Operator::is_defined && arguments.front()->op != Operator::path) return nothing("a property expected");
    return make(function->op, std::move(arguments.front()),
                arguments.size() > 1 ? std::move(arguments.back()) : nullptr);
  }

  /// name.name['name'].name
  Path read_path() {
    Path path;
    if (tokens_[at_].kind != Token::Kind::word || reserved(tokens_[at_].value)) return path;
    path.push_back(tokens_[at_++].value);
    for (;;) {
      if (symbol_at(at_, ".") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == Token::Kind::word) {
        path.push_back(tokens_[at_ + 1].value);
        at_ += 2;
      } else if (symbol_at(at_, "[") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == Token::Kind::text &&
                 symbol_at(at_ + 2, "]")) {
        path.push_back(tokens_[at_ + 1].value);
        at_ += 3;
      } else {
        return path;
      }
    }
  }

  /// "devices.deviceId", "devices.modules.moduleId": the collection in front means nothing.
  static void strip_collection(Path& path) {
    if (path.size() < 2 || lower(path[0]) != "devices") return;
    const bool modules = path.size() > 2 && lower(path[1]) == "modules";
    path.erase(path.begin(), path.begin() + (modules ? 2 : 1));
  }

  static bool reserved(const std::string& text) {
    const auto name = lower(text);
    return std::any_of(kReserved.begin(), kReserved.end(), [&name](const char* reserved) { return name == reserved; });
  }
  bool peek_word(const char* text) const {
    return tokens_[at_].kind == Token::Kind::word && lower(tokens_[at_].value) == text;
  }
  bool word(const char* text) { return peek_word(text) && (++at_, true); }
  bool symbol_at(std::size_t at, const char* text) const {
    return at < tokens_.size() && tokens_[at].kind == Token::Kind::symbol && tokens_[at].value == text;
  }
  bool symbol(const char* text) { return symbol_at(at_, text) && (++at_, true); }
  bool fail(const char* fault) {
    if (fault_.empty()) fault_ = fault;
    return false;
  }
  ExpressionPtr nothing(const char* fault) {
    fail(fault);
    return nullptr;
  }

  std::vector<Token> tokens_;  // the last one is never passed
  std::size_t at_ = 0;
  int depth_ = 0;
  Query query_;
  std::string fault_;
};

}  // namespace

base::Result<Query> parse_query(std::string_view text) {
  if (text.size() > kMaxQueryCharacters) return base::fail("a query has at most 8192 characters");
  auto tokens = query_tokens(text);
  if (!tokens) return tl::unexpected(std::move(tokens.error()));
  return Parser(std::move(*tokens)).run();
}

}  // namespace iris::iot_hub_emulator
