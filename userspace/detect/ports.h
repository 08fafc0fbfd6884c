// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

/// What a port tells (IANA's register; industrial ones also by vendors' documents).
namespace iris::detect {

/// Ports that services in the Internet are usually found at; anything else is odd.
inline constexpr auto kUsualPorts =
    std::to_array<std::uint16_t>({20,   21,   53,   80,   123,  443,  465,  587,  853,  989,  990,  993, 995,
                                  1883, 3478, 5222, 5223, 5228, 5671, 5672, 5683, 5684, 8080, 8443, 8883});
/// Where one logs in to, or runs things on, another host.
inline constexpr auto kAdminPorts = std::to_array<std::uint16_t>(
    {21, 22, 23, 111, 135, 139, 445, 512, 513, 514, 873, 2049, 2323, 2375, 3389, 5555, 5900, 5985, 5986, 6379, 10250});
inline constexpr auto kLoginPorts = std::to_array<std::uint16_t>({21, 22, 23, 2323, 3389, 5900, 5985, 5986});
/// Where controllers take orders.
inline constexpr auto kControllerPorts =
    std::to_array<std::uint16_t>({102,  502,  802,  1089, 1090,  1091,  1911,  1962,  2222,  2404,  3671,  4840,
                                  4843, 4911, 5094, 9600, 18245, 19998, 20000, 34962, 34963, 34964, 44818, 47808});

/// What common exploit kits leave listening.
inline constexpr auto kShellPorts = std::to_array<std::uint16_t>({1337, 4444, 5554, 6666, 12345, 31337});

template <std::size_t N>
constexpr bool among(const std::array<std::uint16_t, N>& ports, std::uint16_t port) {
  return std::find(ports.begin(), ports.end(), port) != ports.end();
}

constexpr bool is_usual_port(std::uint16_t port) { return among(kUsualPorts, port); }
constexpr bool is_admin_port(std::uint16_t port) { return among(kAdminPorts, port); }
constexpr bool is_login_port(std::uint16_t port) { return among(kLoginPorts, port); }
constexpr bool is_shell_port(std::uint16_t port) { return among(kShellPorts, port); }
constexpr bool is_controller_port(std::uint16_t port) { return among(kControllerPorts, port); }

}  // namespace iris::detect
