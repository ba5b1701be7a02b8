// databricks.zerobus.Zerobus: streams of rows into the lake.
#pragma once

#include "world.hpp"

#include <zerobus_service.grpc.pb.h>

namespace emulator {

class zerobus_service final : public databricks::zerobus::Zerobus::CallbackService {
  public:
    explicit zerobus_service(world& of) : world_(of) {}

    grpc::ServerBidiReactor<databricks::zerobus::EphemeralStreamRequest,
                            databricks::zerobus::EphemeralStreamResponse>*
    EphemeralStream(grpc::CallbackServerContext* context) override;

  private:
    world& world_;
};

} // namespace emulator
