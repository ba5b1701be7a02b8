// What every test here needs and what is slow to parse.
#include "../../catch.hpp"

#include <grpcpp/grpcpp.h>
