#include "sql.hpp"

#include "sql_error.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

namespace emulator::sql {
namespace {

struct token {
    enum class kinds { word, quoted, string, number, parameter, sign, end };
    kinds kind = kinds::end;
    std::string text; // of a string or a quoted name what it means
    std::size_t at = 0;
};

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

class parser {
  public:
    explicit parser(const std::string& text) : text_(text) { advance(); }

    statement parse_all() {
        statement made = parse_one();
        (void)accept_sign(";");
        if (now_.kind != token::kinds::end) fail();
        return made;
    }

  private:
    // ---- tokens
    [[noreturn]] void fail() const {
        const std::string near = now_.kind == token::kinds::end ? "end of input" : "'" + now_.text + "'";
        throw sql_error("PARSE_SYNTAX_ERROR",
                        "Syntax error at or near " + near + ". (line 1, pos " + std::to_string(now_.at) + ")");
    }
    static bool in_a_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

    void advance() {
        while (at_ < text_.size()) {
            if (std::isspace(static_cast<unsigned char>(text_[at_])))
                ++at_;
            else if (text_.compare(at_, 2, "--") == 0)
                at_ = std::min(text_.find('\n', at_), text_.size());
            else
                break;
        }
        now_ = {token::kinds::end, {}, at_};
        if (at_ == text_.size()) return;
        const char c = text_[at_];
        if (std::isdigit(static_cast<unsigned char>(c))
            || (c == '-' && at_ + 1 < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_ + 1])))) {
            now_ = {token::kinds::number, std::string(1, c), at_++};
            while (at_ < text_.size() && in_a_word(text_[at_])) now_.text += text_[at_++];
        } else if (in_a_word(c) || c == ':') {
            now_ = {c == ':' ? token::kinds::parameter : token::kinds::word, {}, at_};
            if (c == ':') ++at_;
            while (at_ < text_.size() && in_a_word(text_[at_])) now_.text += text_[at_++];
            if (now_.text.empty()) fail();
        } else if (c == '`') {
            now_ = {token::kinds::quoted, {}, at_++};
            for (;; ++at_) {
                if (at_ >= text_.size()) fail();
                if (text_[at_] == '`' && text_.compare(at_, 2, "``") != 0) break;
                if (text_[at_] == '`') ++at_;
                now_.text += text_[at_];
            }
            ++at_;
        } else if (c == '\'') {
            now_ = {token::kinds::string, {}, at_++};
            for (;; ++at_) {
                if (at_ >= text_.size()) fail();
                if (text_[at_] == '\'') break;
                if (text_[at_] == '\\' && ++at_ >= text_.size()) fail();
                now_.text += text_[at_];
            }
            ++at_;
        } else {
            const bool two = c == '<' || c == '>' || c == '!';
            now_ = {token::kinds::sign, std::string(1, c), at_++};
            if (two && at_ < text_.size() && (text_[at_] == '=' || (c == '<' && text_[at_] == '>')))
                now_.text += text_[at_++];
        }
    }

    bool at_word(const char* word) const { return now_.kind == token::kinds::word && upper(now_.text) == word; }
    bool accept(const char* word) {
        if (!at_word(word)) return false;
        advance();
        return true;
    }
    void expect(const char* word) {
        if (!accept(word)) fail();
    }
    bool accept_sign(const char* sign) {
        if (now_.kind != token::kinds::sign || now_.text != sign) return false;
        advance();
        return true;
    }
    void expect_sign(const char* sign) {
        if (!accept_sign(sign)) fail();
    }
    std::string take(token::kinds kind) {
        if (now_.kind != kind || (kind != token::kinds::string && now_.text.empty())) fail();
        std::string text = now_.text;
        advance();
        return text;
    }
    std::string name() { return take(now_.kind == token::kinds::quoted ? token::kinds::quoted : token::kinds::word); }
    std::int64_t integer() {
        const std::string digits = now_.text;
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (now_.kind != token::kinds::number || error != std::errc() || end != digits.data() + digits.size()) fail();
        advance();
        return value;
    }
    template<typename F> void each_in_parentheses(F one) {
        expect_sign("(");
        do one();
        while (accept_sign(","));
        expect_sign(")");
    }

    // ---- statements
    statement parse_one() {
        if (accept("CREATE")) return parse_create();
        if (accept("ALTER")) return parse_alter();
        if (accept("DROP")) return parse_drop();
        if (accept("SELECT")) return parse_select();
        fail();
    }

    // Always with three parts here: the runner names no default catalog.
    std::string table_name() {
        std::string whole = name();
        for (int i = 0; i < 2; ++i) {
            expect_sign(".");
            whole += "." + name();
        }
        return whole;
    }

    std::string type() {
        std::string text = name();
        for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        if (accept_sign("(")) {
            text += "(" + std::to_string(integer());
            if (accept_sign(",")) text += "," + std::to_string(integer());
            text += ")";
            expect_sign(")");
        } else if (accept_sign("<")) {
            text += "<" + type() + ">";
            expect_sign(">");
        }
        return text;
    }

    std::vector<delta_column> column_list() {
        std::vector<delta_column> columns;
        each_in_parentheses([&] {
            delta_column one{.name = name(), .type = type()};
            if (!is_delta_type(one.type))
                throw sql_error("UNSUPPORTED_DATATYPE", "Unsupported data type \"" + upper(one.type) + "\".");
            if (accept("NOT")) {
                expect("NULL");
                one.nullable = false;
            }
            if (accept("COMMENT")) one.comment = take(token::kinds::string);
            columns.push_back(std::move(one));
        });
        return columns;
    }

    std::map<std::string, std::string> property_list() {
        std::map<std::string, std::string> properties;
        each_in_parentheses([&] {
            const std::string key = take(token::kinds::string);
            expect_sign("=");
            properties[key] = take(token::kinds::string);
        });
        return properties;
    }

    create_table parse_create() {
        create_table made;
        expect("TABLE");
        if (accept("IF")) {
            expect("NOT");
            expect("EXISTS");
            made.if_not_exists = true;
        }
        made.table.name = table_name();
        made.table.columns = column_list();
        for (std::set<std::string> seen;;) {
            const std::string clause = upper(now_.text);
            if (now_.kind != token::kinds::word || !seen.insert(clause).second) return made;
            if (accept("USING"))
                expect("DELTA");
            else if (accept("COMMENT"))
                made.table.comment = take(token::kinds::string);
            else if (accept("TBLPROPERTIES"))
                made.table.properties = property_list();
            else
                fail();
        }
    }

    statement parse_alter() {
        expect("TABLE");
        const std::string table = table_name();
        if (accept("SET")) {
            expect("TBLPROPERTIES");
            return set_properties{table, property_list()};
        }
        expect("ADD");
        if (!accept("COLUMNS")) expect("COLUMN");
        return add_columns{table, column_list()};
    }

    drop_table parse_drop() {
        drop_table made;
        expect("TABLE");
        if (accept("IF")) {
            expect("EXISTS");
            made.if_exists = true;
        }
        made.table = table_name();
        return made;
    }

    item parse_item() {
        item made;
        if (now_.kind == token::kinds::number) {
            made.integer = integer();
            made.name = std::to_string(made.integer);
        } else if (accept("NULL")) {
            made.kind = item::kinds::null;
            made.name = "NULL";
        } else {
            const bool bare = now_.kind == token::kinds::word;
            made.kind = item::kinds::column;
            made.column = made.name = name();
            if (bare && accept_sign("(")) parse_call(made);
        }
        if (accept("AS")) made.name = name();
        return made;
    }
    void parse_call(item& made) {
        const std::string function = upper(made.column);
        if (function == "COUNT") {
            made.kind = item::kinds::count;
            made.name = "count(1)";
            expect_sign("*");
        } else if (function == "MAX" || function == "MIN") {
            made.kind = function == "MAX" ? item::kinds::max : item::kinds::min;
            made.column = name();
            made.name += "(" + made.column + ")";
        } else if (function == "BASE64") {
            made.kind = item::kinds::base64;
            made.column = name();
            made.name += "(" + made.column + ")";
        } else if (function == "MAX_BY") {
            made.kind = item::kinds::max_by;
            made.column = name();
            made.name += "(" + made.column + ")";
            expect_sign(",");
            if (accept("STRUCT"))
                each_in_parentheses([&] { made.orders.push_back(name()); });
            else
                made.orders.push_back(name());
        } else {
            fail();
        }
        expect_sign(")");
    }

    condition parse_condition() {
        condition made{name(), {}, std::int64_t{0}};
        if (accept("IS")) {
            made.operation = accept("NOT") ? "IS NOT NULL" : "IS NULL";
            expect("NULL");
            return made;
        }
        static const std::set<std::string> signs{"=", "<>", "!=", "<", "<=", ">", ">="};
        if (now_.kind != token::kinds::sign || !signs.contains(now_.text)) fail();
        made.operation = take(token::kinds::sign);
        if (now_.kind == token::kinds::number)
            made.right = integer();
        else if (now_.kind == token::kinds::parameter)
            made.right = parameter_name{take(token::kinds::parameter)};
        else
            made.right = take(token::kinds::string);
        return made;
    }

    select parse_select() {
        select made;
        do made.items.push_back(parse_item());
        while (accept_sign(","));
        if (accept("FROM")) {
            made.table = table_name();
            if (accept("WHERE")) {
                do made.where.push_back(parse_condition());
                while (accept("AND"));
            }
            if (accept("ORDER")) {
                expect("BY");
                do {
                    made.by.push_back({name()});
                    if (accept("DESC"))
                        made.by.back().descending = true;
                    else
                        (void)accept("ASC");
                } while (accept_sign(","));
            }
        }
        if (accept("LIMIT")) made.limit = integer();
        return made;
    }

    const std::string& text_;
    std::size_t at_ = 0;
    token now_;
};

} // namespace

statement parse(const std::string& text) { return parser(text).parse_all(); }

} // namespace emulator::sql
