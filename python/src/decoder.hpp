// Payloads to Arrow batches: what Python's sfcdc.Decoder does. Knows nothing of Python, so that it runs without the interpreter's lock.
#pragma once

#include "schema.hpp"

#include <config/config.hpp>
#include <pipeline/hidden_fields.hpp>
#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/arrow.hpp>
#include <sfcdc/row/arrow_abi.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc_python {

struct decoder_options {
    std::string layout = "typed";                // or "sfcdc", "salesforce_zerobus", "lakeflow"
    std::vector<std::string> columns{};          // those of the layout that are kept, in this order; empty: all
    std::vector<std::string> deny{}, tokenise{}; // patterns of fields
    std::string token_key{};                     // the bytes of the key
    struct decimal {
        std::string field;
        std::uint8_t precision, scale;
    };
    std::vector<decimal> decimals{};
    bool multi_picklist_arrays = false;
};

// What belongs to the payloads of one call. Values are views; a column has a value for each payload, or is null: it was not given.
struct events {
    using texts = std::vector<std::optional<std::string_view>>;
    const texts& payloads;
    const texts* schema_ids = nullptr;
    const texts* replay_ids = nullptr;
    const texts* event_ids = nullptr;
    std::string topic, org_id;
    std::int64_t received_ms = 0;
    std::int32_t epoch = 0;
};

struct bad_event {
    std::size_t index; // of the payload
    std::uint32_t byte;
    std::string reason;
};

// Owns the arrays: those that nobody has taken out of it are released.
struct arrays {
    arrays() = default;
    arrays(arrays&& other) noexcept { std::swap(all, other.all); }
    arrays& operator=(arrays&& other) noexcept { return std::swap(all, other.all), *this; }
    ~arrays() {
        for (ArrowArray& a : all)
            if (a.release != nullptr) a.release(&a);
    }

    std::vector<ArrowArray> all{};
};

struct batches {
    arrays made{};
    std::vector<bad_event> bad{}; // in the order of the payloads
    std::size_t rows = 0;
};

// One thread at a time is in decode(); others wait.
class decoder {
  public:
    // Throws std::invalid_argument that says what is wrong.
    decoder(std::vector<std::shared_ptr<const schema>> schemas, const decoder_options& options);
    decoder(const decoder&) = delete;

    const sfcdc::row::layout& layout() const noexcept { return batch_->layout(); }
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }

    // An event that cannot be decoded is in `bad`, and has no row. `rows_of_a_batch` closes a batch at the first event that reaches so many
    // rows; 0: one batch, unless a column would become too large. There is at least one batch, of no rows where there is none. Throws
    // std::invalid_argument for what is wrong with the call.
    batches decode(const events& of, std::size_t rows_of_a_batch);

  private:
    struct known {
        std::shared_ptr<const schema> whole;
        std::unique_ptr<const sfcdc::runner::hidden_fields::of_schema> hidden{}; // null: nothing is hidden
        std::unique_ptr<const sfcdc::row::bound_layout> bound{};

        const sfcdc::cdc::plan& plan() const noexcept { return hidden ? hidden->plan : whole->plan; }
        bool has_tokens() const noexcept { return hidden && hidden->tokens.has_value(); }
    };
    class call;

    const known& schema_of(const events& of, std::size_t index) const;

    sfcdc::runner::privacy_config privacy_;
    std::vector<known> schemas_;
    std::map<std::string, std::size_t, std::less<>> by_id_;
    std::vector<std::string> warnings_;
    std::mutex mutex_;
    sfcdc::cdc::decoder decoder_;
    std::unique_ptr<sfcdc::row::arrow_batch> batch_;
};

} // namespace sfcdc_python
