// SPDX-License-Identifier: Apache-2.0
#include "simulator/conversations.h"

namespace iris::simulator {
namespace {

using enum Party;
using enum Kind;
using enum flow::Scope;

constexpr auto kOut = flow::Role::originator;
constexpr auto kIn = flow::Role::responder;

constexpr Conversation kConversations[] = {
    {edge_agent, "edgeAgent", request, kOut, "198.51.100.67", "198.51.100.65", 15580, "", edged, host, 2000, 110, 900, 40},
    {edge_agent, "edgeAgent", session, kOut, "198.51.100.67", "203.0.113.10", 8883, "hub.example", none, external, 5000, 2, 2, 21'000},
    {edge_agent, "edgeAgent", refused, kOut, "198.51.100.67", "203.0.113.40", 5000, "registry.example", none, external, 8000, 0, 0, 0},
    {edge_agent, "edgeAgent", datagram, kOut, "127.0.0.1", "127.0.0.11", 53, "", none, loopback, 8000, 40, 56, 0},
    {edge_hub, "edgeHub", session, kOut, "198.51.100.66", "203.0.113.10", 8883, "hub.example", none, external, 1000, 1400, 4, 20'000},
    {edge_hub, "edgeHub", session, kIn, "198.51.100.66", "198.51.100.226", 8883, "", none, site, 1000, 96, 4, 900},
    {edge_hub, "edgeHub", session, kIn, "198.51.100.66", "198.51.100.227", 5671, "", none, site, 10'000, 300, 40, 1200},
    {edge_hub, "edgeHub", request, kIn, "198.51.100.66", "198.51.100.228", 443, "", none, site, 30'000, 800, 2400, 1100},
    {edge_hub, "edgeHub", datagram, kOut, "127.0.0.1", "127.0.0.11", 53, "", none, loopback, 60'000, 40, 56, 0},
    {modbus, "modbus", session, kOut, "198.51.100.68", "198.51.100.200", 502, "", none, site, 500, 12, 29, 700},
    {modbus, "modbus", dropped, kOut, "198.51.100.68", "198.51.100.201", 502, "", none, site, 6000, 0, 0, 0},
    {modbus, "modbus", session, kOut, "198.51.100.68", "198.51.100.66", 8883, "", edge_hub, container, 1000, 110, 4, 60},
    {telemetry, "telemetry", request, kOut, "198.51.100.69", "203.0.113.20", 80, "weather.example", none, external, 2000, 90, 600, 24'000},
    {telemetry, "telemetry", dropped, kOut, "198.51.100.69", "203.0.113.30", 4840, "orders.supplier.example", none, external, 10'000, 0, 0, 0},
    {telemetry, "telemetry", session, kOut, "198.51.100.69", "198.51.100.66", 8883, "", edge_hub, container, 500, 320, 4, 55},
    {telemetry, "telemetry", datagram, kOut, "127.0.0.1", "127.0.0.11", 53, "", none, loopback, 2000, 40, 56, 0},
    {docker, "dockerd", datagram, kOut, "203.0.113.1", "203.0.113.53", 53, "", none, external, 1600, 44, 60, 0},
    {docker, "dockerd", datagram, kIn, "127.0.0.1", "127.0.0.1", 53, "", none, loopback, 1600, 40, 56, 0},
    {docker, "docker-proxy", request, kOut, "127.0.0.1", "127.0.0.1", 2375, "", none, loopback, 15'000, 200, 1800, 30},
    {edged, "aziot-edged", request, kOut, "203.0.113.1", "203.0.113.10", 443, "dps.example", none, external, 20'000, 1200, 3600, 22'000},
};

}  // namespace

std::span<const Conversation> conversations() { return kConversations; }

}  // namespace iris::simulator
