#include "finding.hpp"

#include "../operations/log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace sfcdc::runner::doctor {
namespace {

std::string without_full_stop(std::string_view sentence) {
    while (sentence.ends_with('.')) sentence.remove_suffix(1);
    return std::string(sentence);
}

} // namespace

std::string line_of(const finding& f) {
    std::string line(to_string(f.said.is));
    line.resize(9, ' ');
    line += f.check + " of " + f.subject + ": " + f.said.what + ".";
    if (!f.said.fix.empty()) line += " Fix: " + f.said.fix + ".";
    return log::one_line(line);
}

judgement judgement_of(const failure& f) {
    const std::string text = without_full_stop(f.what());
    const std::size_t at = text.rfind("; ");
    if (at == text.npos) return {verdict::failed, text, {}, f.code()};
    return {verdict::failed, text.substr(0, at), text.substr(at + 2), f.code()};
}

bool report::add(std::string check, std::string subject, judgement said) {
    said.what = without_full_stop(said.what);
    said.fix = without_full_stop(said.fix);
    findings_.push_back({std::move(check), std::move(subject), std::move(said)});
    if (tell_) tell_(findings_.back());
    const verdict is = findings_.back().said.is;
    return is == verdict::good || is == verdict::warning || is == verdict::unknown;
}

std::size_t report::count(verdict of) const noexcept {
    return static_cast<std::size_t>(
        std::count_if(findings_.begin(), findings_.end(), [&](const finding& f) { return f.said.is == of; }));
}

exit_code report::code() const noexcept {
    exit_code worst = exit_code::ok;
    for (const finding& f : findings_)
        if (f.said.is == verdict::failed) worst = std::max(worst, f.said.code);
    return worst;
}

std::string report::json() const {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const finding& f : findings_)
        checks.push_back({{"check", f.check},
                          {"subject", log::one_line(f.subject)},
                          {"verdict", to_string(f.said.is)},
                          {"what", log::one_line(f.said.what)},
                          {"fix", log::one_line(f.said.fix)}});
    const exit_code worst = code();
    return nlohmann::ordered_json{
        {"good", worst == exit_code::ok}, {"exit_code", static_cast<int>(worst)}, {"checks", std::move(checks)}}
        .dump();
}

std::string report::summary() const {
    std::string text = std::to_string(findings_.size()) + " checks";
    const char* before = ": ";
    for (const verdict of : {verdict::good, verdict::unknown, verdict::skipped, verdict::warning, verdict::failed})
        if (const std::size_t n = count(of); n > 0) {
            text += before + std::to_string(n) + " " + std::string(to_string(of));
            before = ", ";
        }
    return text + ".";
}

} // namespace sfcdc::runner::doctor
