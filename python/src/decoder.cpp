#include "decoder.hpp"

#include <sfcdc/row/typed_layout.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <algorithm>
#include <deque>
#include <span>
#include <stdexcept>
#include <utility>

namespace sfcdc_python {

using namespace sfcdc;

namespace {

row::layout typed(const std::vector<const cdc::plan*>& plans, const decoder_options& options) {
    std::vector<row::decimal_field> decimals;
    for (const decoder_options::decimal& d : options.decimals) decimals.push_back({d.field, d.precision, d.scale});
    for (const row::decimal_field& d : decimals)
        if (std::ranges::none_of(plans, [&](const cdc::plan* p) { return bool(p->find(d.field)); }))
            throw std::invalid_argument("decimals: there is no field \"" + std::string(d.field) + "\"");
    row::layout all;
    for (const cdc::plan* const plan : plans) {
        std::vector<row::decimal_field> its_own; // a field may be of some of the schemas only
        for (const row::decimal_field& d : decimals)
            if (plan->find(d.field)) its_own.push_back(d);
        auto [columns, bad] = row::typed_layout(*plan, {its_own, options.multi_picklist_arrays});
        if (bad) throw std::invalid_argument(std::string("the schema has no typed layout: ") + bad.message());
        all = all.columns().empty() ? columns : row::widened(all, columns);
    }
    return all;
}

row::layout layout_of(const std::vector<const cdc::plan*>& plans, const decoder_options& options) {
    row::layout all;
    if (options.layout == "typed")
        all = typed(plans, options);
    else if (options.layout == "sfcdc")
        all = row::layout::sfcdc();
    else if (options.layout == "salesforce_zerobus")
        all = row::layout::salesforce_zerobus();
    else if (options.layout == "lakeflow")
        all = row::layout::lakeflow();
    else
        throw std::invalid_argument(
            "layout: \"typed\", \"sfcdc\", \"salesforce_zerobus\" or \"lakeflow\" was expected, "
            "not \""
            + options.layout + "\"");
    if (options.columns.empty()) return all;
    const std::vector<std::string_view> names(options.columns.begin(), options.columns.end());
    auto [kept, bad] = all.only(names);
    if (bad) throw std::invalid_argument("columns: \"" + options.columns.at(bad.offset) + "\": " + bad.message());
    return std::move(kept);
}

std::vector<runner::field_pattern> patterns(const std::vector<std::string>& of) {
    std::vector<runner::field_pattern> out;
    for (const std::string& field : of) out.push_back({"*", field});
    return out;
}

} // namespace

decoder::decoder(std::vector<std::shared_ptr<const schema>> schemas, const decoder_options& options) {
    if (schemas.empty()) throw std::invalid_argument("a decoder needs a schema");
    privacy_.deny = patterns(options.deny);
    privacy_.tokenise = patterns(options.tokenise);
    if (privacy_.tokenise.empty() != options.token_key.empty())
        throw std::invalid_argument("tokenise and token_key belong together");
    if (!options.token_key.empty()) {
        if (options.token_key.size() < cdc::token_key::least_bytes)
            throw std::invalid_argument("token_key: a key has " + std::to_string(cdc::token_key::least_bytes)
                                        + " random bytes at least");
        privacy_.token_key = std::make_shared<const cdc::token_key>(options.token_key);
    }
    runner::hidden_fields hide(privacy_, schemas.size() == 1 ? "ChangeEvent" : "");
    for (std::shared_ptr<const schema>& s : schemas) {
        if (!by_id_.emplace(s->id, schemas_.size()).second) continue; // the same schema twice
        known k{std::move(s)};
        if (hide.any()) k.hidden = hide.in(k.whole->plan);
        schemas_.push_back(std::move(k));
    }
    hide.end();
    warnings_ = hide.take_warnings();
    std::vector<const cdc::plan*> plans;
    for (const known& k : schemas_) plans.push_back(&k.plan());
    row::layout columns = layout_of(plans, options);
    if (!privacy_.deny.empty())
        for (const row::column& c : columns.columns())
            if (c.source == row::column_source::payload)
                throw std::invalid_argument("deny: the rows have the event's bytes, and with them all of its fields; "
                                            "leave the column \""
                                            + c.name + "\" out");
    batch_ = std::make_unique<row::arrow_batch>(std::move(columns));
    for (known& k : schemas_) k.bound = std::make_unique<const row::bound_layout>(batch_->layout(), k.plan());
}

const decoder::known& decoder::schema_of(const events& of, std::size_t index) const {
    if (of.schema_ids == nullptr) return schemas_.front();
    const auto id = (*of.schema_ids)[index];
    const auto found = id ? by_id_.find(*id) : by_id_.end();
    if (found == by_id_.end())
        throw std::invalid_argument("schema_ids: this decoder has no schema \"" + std::string(id.value_or("None"))
                                    + "\", which event " + std::to_string(index) + " is of");
    return schemas_[found->second];
}

// One call of decode().
class decoder::call {
  public:
    call(decoder& self, const events& of, std::size_t rows_of_a_batch)
        : self_(self), of_(of), rows_of_a_batch_(rows_of_a_batch) {}

    batches run() {
        try {
            for (std::size_t first = 0; first < of_.payloads.size();) first = add_run(first);
            if (self_.batch_->rows() > 0 || out_.made.all.empty()) close();
        } catch (...) { // what was noted looks into payloads that end with the call
            ArrowArray none;
            self_.batch_->close(&none);
            none.release(&none);
            throw;
        }
        return std::move(out_);
    }

  private:
    // The payloads of one schema that follow each other; returns the index behind them.
    std::size_t add_run(std::size_t first) {
        const known& schema = self_.schema_of(of_, first);
        std::vector<std::span<const std::byte>> run;
        std::vector<std::size_t> indices;
        std::size_t next = first;
        for (; next < of_.payloads.size() && &self_.schema_of(of_, next) == &schema; ++next) {
            const auto payload = of_.payloads[next];
            if (!payload) {
                out_.bad.push_back({next, 0, "the payload is null"});
            } else if (schema.has_tokens()) {
                std::vector<std::byte>& rewritten = rewritten_.emplace_back();
                const error bad =
                    schema.hidden->tokens->rewrite(*self_.privacy_.token_key, wire::as_bytes(*payload), rewritten);
                if (bad) {
                    out_.bad.push_back({next, bad.offset, bad.message()});
                    continue;
                }
                run.push_back(rewritten);
                indices.push_back(next);
            } else {
                run.push_back(wire::as_bytes(*payload));
                indices.push_back(next);
            }
        }
        self_.decoder_.decode_each(schema.plan(), run, [&](std::size_t n, const result<cdc::event>& decoded) {
            if (decoded.error)
                out_.bad.push_back({indices[n], decoded.error.offset, decoded.error.message()});
            else
                add(schema, indices[n], decoded.value);
        });
        return next;
    }

    void add(const known& schema, std::size_t index, const cdc::event& event) {
        const auto text = [&](const events::texts* column) {
            return column == nullptr ? std::string_view() : (*column)[index].value_or(std::string_view());
        };
        const row::envelope around{.event_id = text(of_.event_ids),
                                   .schema_id = schema.whole->id,
                                   .topic_name = of_.topic,
                                   .org_id = of_.org_id,
                                   .replay_id = wire::as_bytes(text(of_.replay_ids)),
                                   .schema_json = {},
                                   .received_timestamp = of_.received_ms,
                                   .epoch = of_.epoch};
        errc bad = self_.batch_->append(*schema.bound, event, around);
        if (bad == errc::batch_full && self_.batch_->rows() > 0) {
            close();
            bad = self_.batch_->append(*schema.bound, event, around);
        }
        if (bad != errc::none) return out_.bad.push_back({index, 0, message(bad)});
        if (rows_of_a_batch_ > 0 && self_.batch_->rows() >= rows_of_a_batch_) close();
    }

    void close() {
        out_.rows += self_.batch_->rows();
        self_.batch_->close(&out_.made.all.emplace_back());
    }

    decoder& self_;
    const events& of_;
    const std::size_t rows_of_a_batch_;
    batches out_;
    std::deque<std::vector<std::byte>> rewritten_; // payloads with tokens, until the batch is closed
};

batches decoder::decode(const events& of, std::size_t rows_of_a_batch) {
    const auto check = [&](const events::texts* column, const char* name) {
        if (column != nullptr && column->size() != of.payloads.size())
            throw std::invalid_argument(std::string(name) + ": there are " + std::to_string(column->size())
                                        + " values for " + std::to_string(of.payloads.size()) + " payloads");
    };
    check(of.schema_ids, "schema_ids");
    check(of.replay_ids, "replay_ids");
    check(of.event_ids, "event_ids");
    if (of.schema_ids == nullptr && schemas_.size() > 1)
        throw std::invalid_argument("schema_ids: this decoder has several schemas; which payload is of which?");
    const std::scoped_lock lock(mutex_);
    batches out = call(*this, of, rows_of_a_batch).run();
    std::ranges::sort(out.bad, {}, &bad_event::index);
    return out;
}

} // namespace sfcdc_python
