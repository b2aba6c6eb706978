// Memory of the native loops: it begins where a line of the caches does, so that no register is read from two of them.
#pragma once

#include <new>
#include <utility>
#include <vector>

namespace freedive {

// An allocator whose numbers are not cleared.
template <typename T>
struct Uncleared {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  Uncleared() = default;
  template <typename U>
  Uncleared(const Uncleared<U>&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kLine)); }
  void deallocate(T* at, std::size_t) { ::operator delete(at, kLine); }
  template <typename U>
  void construct(U*) {}
  template <typename U, typename... Arguments>
  void construct(U* at, Arguments&&... arguments) { ::new (at) U(std::forward<Arguments>(arguments)...); }

  friend bool operator==(const Uncleared&, const Uncleared&) { return true; }
  friend bool operator!=(const Uncleared&, const Uncleared&) { return false; }
};

using Memory = std::vector<float, Uncleared<float>>;

}  // namespace freedive
